from tests.self_service.conftest import act, client_of, fresh, place, student_client  # noqa: F401
