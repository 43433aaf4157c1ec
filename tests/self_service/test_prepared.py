"""Prepared statements give what the query sets give; the session brings its person; a draft is stored as a save would."""

from __future__ import annotations

import pytest
from django.contrib.auth import SESSION_KEY
from django.db import transaction
from django.db.transaction import TransactionManagementError

from models.accounts.models import User
from models.logins.models import Session
from models.students.models import GraduateProfile
from tests.factories import people
from workflows import actions, own
from workflows.prepared import KEY, Prepared
from workflows.scoping import acting, system


def as_read(record, came_from=()):
    """Everything of a record and of what was read with it."""
    found = {k: v for k, v in vars(record).items() if not k.startswith("_")}
    for name, related in record._state.fields_cache.items():
        if related not in came_from:
            found[name] = related and as_read(related, (*came_from, record))
    return found


class TestPrepared:
    def test_same_objects_as_the_query_set(self, place):
        rows = GraduateProfile._base_manager.select_related(*GraduateProfile.joins())
        plain = rows.get(student__user=place.user)
        assert as_read(own.record(GraduateProfile, place.user.pk)) == as_read(plain)
        assert as_read(own.record(GraduateProfile, place.user.pk, place.record.pk)) == as_read(plain)

    def test_empty_relation_and_several_rows(self, place):
        users = Prepared(lambda key: User.objects.select_related("student").filter(pk__gte=key).order_by("pk"), KEY)
        found = users.all(0)
        assert [as_read(u) for u in found] == [
            as_read(u) for u in User.objects.select_related("student").order_by("pk")
        ]
        assert any(u._state.fields_cache["student"] is None for u in found)

    def test_nothing_found(self, place):
        assert own.record(GraduateProfile, 0) is None

    def test_another_ones_record_is_not_there(self, place):
        with system("a test"):
            other = people.student(place, number="20230099")
        assert own.record(GraduateProfile, place.user.pk, other.graduateprofile.pk) is None

    def test_every_sample_must_be_a_parameter(self, place):
        with pytest.raises(ValueError, match="sample"):
            Prepared(lambda key: User.objects.filter(pk=1), KEY).first(1)

    @pytest.mark.django_db(transaction=True)
    def test_a_lock_needs_a_transaction(self):
        with transaction.atomic():
            assert own.record(GraduateProfile, 0, lock=True) is None
        with pytest.raises(TransactionManagementError):
            own.record(GraduateProfile, 0, lock=True)

    def test_only_a_scope_of_ones_own(self, place):
        assert own.is_own_only(place.user.scope, GraduateProfile)
        assert not own.is_own_only(place.reviewers.school.scope, GraduateProfile)
        assert not own.is_own_only(None, GraduateProfile)


class TestSession:
    def test_one_statement_for_session_and_person(self, place, student_client, django_assert_num_queries):
        student_client.get("/api/matters/graduateprofile/mine/")  # the settings of the engine are remembered now
        with django_assert_num_queries(2):  # session with person and student; the record
            assert student_client.get("/api/matters/graduateprofile/mine/").status_code == 200

    def test_the_row_only_helps(self, place, student_client):
        """Whose session it is stands in what is signed: a row that names somebody else opens nothing."""
        other = place.reviewers.school
        assert Session.objects.update(user=other) == 1
        assert student_client.get("/api/me/").json()["username"] == place.user.username

    def test_ends(self, place, student_client):
        Session.objects.all().delete()
        assert student_client.get("/api/me/").status_code == 401

    def test_outdated(self, place, student_client):
        Session.objects.update(expire_date="2020-01-01T00:00:00Z")
        assert student_client.get("/api/me/").status_code == 401

    def test_ended_everywhere(self, place, student_client):
        User.objects.filter(pk=place.user.pk).update(session_epoch=7)
        assert student_client.get("/api/me/").status_code == 401

    def test_disabled(self, place, student_client):
        User.objects.filter(pk=place.user.pk).update(is_active=False)
        assert student_client.get("/api/me/").status_code == 401

    @pytest.mark.parametrize("key", ["x" * 32, "' OR 1=1 --", "\xe9" * 20, "a\x00b" * 11, ""])
    def test_strange_cookies(self, db, client, key):
        client.cookies["sessionid"] = key
        assert client.get("/api/me/").status_code == 401

    def test_is_kept_with_whose_it_is(self, place, student_client):
        assert Session.objects.get().user_id == int(student_client.session[SESSION_KEY]) == place.user.pk


class TestDraft:
    def test_a_narrow_write_is_a_save(self, place):
        """Two students change the same: one by the door, one by `save()`; rows and histories agree but for whose they are."""
        with system("a test"):
            twin = people.student(place, number="20230098").graduateprofile
            GraduateProfile._base_manager.filter(pk=twin.pk).update(
                **{
                    f.attname: getattr(place.record, f.attname)
                    for f in twin._meta.concrete_fields
                    if f.name not in ("id", "student", "status")
                }
            )
            twin = GraduateProfile.objects.get(pk=twin.pk)
            with acting(place.user):
                record = own.record(GraduateProfile, place.user.pk)
                changed = actions.save_fields(
                    record, {"home_address": "新址 1 号", "household_moved": True}, by=place.user
                )
            twin.home_address, twin.household_moved, twin.version = "新址 1 号", True, twin.version + 1
            actions.rules.refresh(twin)
            twin._history_user, twin._change_reason = place.user, "本人填写"
            twin.save()
            assert set(changed) == {"home_address", "household_moved"}
            pairs = [
                [GraduateProfile.objects.get(pk=row.pk) for row in (record, twin)],
                [row.history.first() for row in (record, twin)],
            ]
        for one, other in pairs:
            skipped = {"id", "student", "history_id", "history_date", "updated_at", "findings"}
            names = [f.attname for f in one._meta.concrete_fields if f.name not in skipped]
            assert {n: getattr(one, n) for n in names} == {n: getattr(other, n) for n in names}
        assert record.updated_at == pairs[0][0].updated_at > place.record.updated_at

    def test_four_statements(self, place, student_client, statements):
        url = "/api/matters/graduateprofile/mine/"
        version = student_client.get(url).json()["version"]
        body = {"version": version, "values": {"home_address": "新址 2 号"}}
        done = statements(lambda: student_client.patch(url, body, content_type="application/json"))
        assert done.answer.status_code == 200
        assert done.n == 3, done.own  # the record under its lock, the change, its history
