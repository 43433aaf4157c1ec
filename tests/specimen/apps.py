from django.apps import AppConfig


class SpecimenConfig(AppConfig):
    """A matter that exists only in tests: what a declaration alone brings."""

    name = "tests.specimen"
    label = "specimen"
    verbose_name = "试验事务"
    default_auto_field = "django.db.models.BigAutoField"
