"""G1: kill -9 in the middle of a batch of 5,000 leaves each chunk done or not begun, never half."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from models.accounts.functions import sync_groups
from models.students.bulk import NewStudent, write_students
from models.students.models import GraduateProfile
from tests.factories import people
from tests.jobs.test_kill import Outside
from workflows.levels import Status
from workflows.scoping import system

pytestmark = [pytest.mark.nightly, pytest.mark.django_db(transaction=True)]

SIZE, CHUNK, KILLS = 5000, 500, 10
CHILD = """
import django; django.setup()
from models.accounts.models import User
from models.students.models import GraduateProfile
from workflows import batch
from workflows.scoping import acting
batch.CHUNK = {chunk}
user = User.objects.get(pk={user})
with acting(user):
    print("begin", flush=True)
    rows = GraduateProfile.objects.filter(status="pending_counselor")
    batch.perform_many(rows, "approve", by=user, progress=lambda done, total: print("chunk", flush=True))
print("end", flush=True)
"""


@pytest.fixture
def world():
    with system("a test sets up rows"):
        sync_groups()
        made = people.school()
        made.counselor = people.staff("counselor", made.classes[0])
        unit = made.classes[0]
        write_students(
            made.school,
            [
                NewStudent(
                    {
                        "cohort_id": made.cohort.pk, "major_id": unit.parent.major.pk, "unit_id": unit.pk, "number": f"2023{n:07d}", "name": f"学生{n}",
                        "sex": "1", "id_number": people.id_number(n), "exam_number": f"2399{n:010d}", "nation": "01", "degree": "31",
                        "study_length": "4", "training_mode": "1", "enrol_year": 2023, "grad_year": 2027, "grad_month": "202706",
                    },
                    {**people.GOOD_PROFILE, "phone": f"199{n:08d}"},
                )
                for n in range(SIZE)
            ],
        )  # fmt: skip
        GraduateProfile.objects.update(status=Status.PENDING_COUNSELOR, levels="counselor,college,school,province")
    return made


def counts(outside: Outside) -> tuple[int, int, int]:
    """Records moved, log rows and history rows of the approval."""
    sql = (
        "SELECT (SELECT COUNT(*) FROM students_graduateprofile WHERE status = 'pending_college'), "
        "(SELECT COUNT(*) FROM workflows_reviewlog WHERE verb = 'approve'), "
        "(SELECT COUNT(*) FROM students_historicalgraduateprofile WHERE history_change_reason = '通过')"
    )
    return outside.rows(sql)[0]


def begin(outside: Outside, user: int, folder) -> subprocess.Popen:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "DATABASE_URL": outside.url,
        "DATA_DIR": str(folder),
    }
    script = CHILD.format(chunk=CHUNK, user=user)
    return subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True)


def test_a_killed_batch_has_done_whole_chunks_and_the_rest_can_be_done_again(world, tmp_path):
    outside = Outside(tmp_path)
    random.seed(20261122)
    seen = set()
    for _ in range(KILLS):
        child = begin(outside, world.counselor.pk, tmp_path)
        assert child.stdout.readline().strip() == "begin"
        for _chunk in range(random.choice((0, 0, 1, 2))):
            child.stdout.readline()
        time.sleep(random.uniform(0, 0.15))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        moved, logged, kept = counts(outside)
        assert moved == logged == kept
        assert moved % CHUNK == 0
        seen.add(moved)
        if moved == SIZE:
            break
    last = begin(outside, world.counselor.pk, tmp_path)
    assert last.communicate(timeout=120)[0].split()[-1] == "end"
    assert counts(outside) == (SIZE, SIZE, SIZE)
    assert len(seen) > 1  # at least one kill came in the middle
