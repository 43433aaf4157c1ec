"""Two at the same code, the same appeal, the same link, the same employer: one wins, also where nothing but the database is left.

PostgreSQL only, as everywhere here.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.utils import timezone

from models.accounts import counters
from models.accounts.functions import sync_groups
from models.accounts.models import User
from models.employers import admission, appeals, blacklisting, registration, services, uscc
from models.employers.models import (
    AccountAppeal,
    Blacklist,
    Employer,
    EmployerAdmission,
    EmployerVerification,
    Registration,
)
from tests.factories import employers, people
from tests.race.test_review import THREADS, storm
from workflows.errors import Conflict, Refused
from workflows.scoping import system

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world():
    with system("a test sets up rows"):
        sync_groups()
        made = people.school()
        made.other = people.school("19902", "缙云学院")
        made.office = people.staff("school", made.center)
        made.known = employers.verified(made)
    return made


def waiting(world, number: int, code: str) -> str:
    """A registration for `code` whose mail has gone out; its ticket."""
    ticket = f"ticket-{number}"
    with system("a test sets up rows"):
        Registration._base_manager.create(
            ticket=counters.keyed("ticket", ticket), code=counters.keyed("code", f"{ticket}:12345678"), uscc=code, school=world.school,
            values={"name": f"示例{number}有限公司", "contact": "示例", "mobile": "19900000001", "email": f"{number}@example.com"},
            password=make_password("Quiet-Harbour-27"),
        )  # fmt: skip
    return ticket


def test_many_registrations_of_one_code_make_one_account(world):
    code = uscc.made_up(811)
    tickets = [waiting(world, number, code) for number in range(THREADS)]
    answers = storm(lambda number: registration.complete(tickets[number], "12345678"))
    assert sum(isinstance(answer, User) for answer in answers) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == THREADS - 1
    with system("a test looks"):
        assert Employer.objects.filter(uscc=code).count() == 1
        assert EmployerVerification.objects.filter(employer__uscc=code).count() == 1


def test_one_code_from_a_mail_makes_one_account_however_often_it_is_sent(world):
    ticket = waiting(world, 0, uscc.made_up(812))
    answers = storm(lambda number: registration.complete(ticket, "12345678"))
    assert sum(isinstance(answer, User) for answer in answers) == 1


def test_without_the_unique_name_the_code_would_have_two_accounts(world):
    """The control: what stands between two registrations is the account's name, in the database."""
    with system("a test goes round the door"), pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user(world.known.uscc, None, name="第二个", kind=User.Kind.EMPLOYER)
    with system("a test goes round the door"):
        User.objects.create_user(
            world.known.uscc + "x", None, name="第二个", kind=User.Kind.EMPLOYER
        )  # another name passes


def test_many_rememberings_of_one_employer_make_one_row(world):
    facts = {"name": "示例同时有限公司", "uscc": uscc.made_up(813)}

    def work(number: int):
        with system("a test remembers"), transaction.atomic():
            return services.remember({**facts, "address": f"示例路{number}号"}, "approved", None).pk

    assert len(set(storm(work))) == 1


def test_an_appeal_is_settled_once(world):
    with system("a test files an appeal"):
        appeal = AccountAppeal.objects.create(
            school=world.school,
            uscc=world.known.uscc,
            name="x",
            contact="x",
            mobile="19900000001",
            email="n@example.com",
            reason="x",
        )

    def work(number: int):
        with system("a test settles"):
            return appeals.settle(appeal, "password", by=User.objects.get(pk=world.office.pk))

    answers = storm(work)
    assert sum(isinstance(answer, str) for answer in answers) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == THREADS - 1


def test_a_link_is_used_once(world):
    with system("a test sends a link"):
        AccountAppeal.objects.create(
            school=world.school, uscc=world.known.uscc, name="x", contact="x", mobile="19900000001", email="n@example.com", reason="x",
            employer=world.known, state="done", outcome="link", link_digest=counters.keyed("appeal", "tok"),
            link_until=timezone.now() + timedelta(minutes=5),
        )  # fmt: skip

    def work(number: int):
        with system("a test follows the link"):
            return appeals.use_link("tok", f"Quiet-Harbour-{number}")

    assert sum(answer is not None for answer in storm(work)) == 1


def test_one_application_and_one_exclusion_per_school(world):
    def apply(number: int):
        with system("a test applies"):
            return admission.apply(world.known, world.other.school, world.known.account).pk

    assert len(set(storm(apply))) == 1

    def exclude(number: int):
        with system("a test excludes"):
            return blacklisting.place(world.known, world.school, "示例", by=User.objects.get(pk=world.office.pk)).pk

    answers = storm(exclude)
    assert sum(isinstance(answer, int) for answer in answers) == 1
    assert all(isinstance(answer, int | Refused) for answer in answers)
    with system("a test looks"):
        assert EmployerAdmission.objects.filter(school=world.other.school).count() == 1
        assert Blacklist.objects.count() == 1
