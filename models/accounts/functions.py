"""Default functions of each level, from one table: patterns over Django's permissions "app.action_model".

A level's group is rebuilt from this table after every migrate (models.accounts.apps); a school gives or takes single
functions person by person with FunctionOverride (功能分配). `review` and `export`, `import` exist on every reviewed matter.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from django.contrib.auth.models import Group, Permission

from models.accounts.models import StaffAppointment

Level = StaffAppointment.Level

# The matters and records of the second half of the year: from recommendation form to report.
_EMPLOYMENT = ("recommendations", "employers", "agreements", "outcomes", "dispatch", "reporting", "rates")
_LOOK = (
    *(f"{app}.view_*" for app in _EMPLOYMENT if app != "employers"),
    "employers.view_employer",  # the library; reviews, exclusions and appeals are the school office's
)
_RUN = tuple(f"{app}.*" for app in _EMPLOYMENT)

_READ = (
    "students.view_*",
    *_LOOK,
    "evidence.view_*",
    "documents.view_*",
    "organisation.view_*",
    "codes.view_*",
    "notices.view_*",
    "workflows.view_reviewlog",
    "workflows.view_changerequest",
    "transfer.view_*",
)
_WORK = (
    *_READ,
    "*.review_*",
    "*.export_*",
    "accounts.view_user",
    "accounts.reset_password",
    "accounts.unlock_user",
    "accounts.reveal_identity",
    "notices.add_notice",
)

DEFAULTS: dict[str, tuple[str, ...]] = {
    Level.COUNSELOR: (
        *_WORK,
        "accounts.impersonate_student",
        "students.change_graduateprofile",
        "rates.add_followup",
        "rates.change_followup",
    ),
    Level.COLLEGE: (
        *_WORK,
        "*.change_*matter*",
        "students.change_*",
        "recommendations.change_*",
        "agreements.change_*",
        "outcomes.change_*",
        "dispatch.change_*",
        "rates.add_followup",
        "rates.change_followup",
        "rates.add_ratesnapshot",
        "rates.change_progressentry",
        "students.add_majortransfer",
        "accounts.impersonate_student",
        "students.import_*",
        "accounts.view_staffappointment",
    ),
    Level.SCHOOL: (
        *_WORK,
        *_RUN,
        "evidence.*",
        "documents.*",
        "students.*",
        "organisation.*",
        "workflows.*",
        "accounts.*",
        "transfer.*",
        "notices.*",
        "codes.view_*",
        "audit.view_*",
        "releases.*",
    ),
    Level.PROVINCE: (
        *_WORK,
        "organisation.*",
        "workflows.*",
        "accounts.*",
        "codes.*",
        "audit.view_*",
        "releases.*",
        "transfer.view_*",
        "students.change_graduateprofile",
        "employers.view_*",
    ),
    Level.DATA: (
        *_READ,
        "employers.view_*",
        "*.export_*",
        "*.import_*",
        "students.change_student",
        "students.add_student",
        "organisation.change_*",
        "organisation.add_*",
        "accounts.export_identity",
        "transfer.*",
        "codes.view_*",
    ),
}

# Never together in one person (三权分立): who gives rights does not also read or purge the trail of their use.
FORBIDDEN_TOGETHER = (("accounts.assign_functions", "audit.purge_auditentry"),)


def group_name(level: str) -> str:
    """Name of the group of a level, as the back office shows it."""
    return f"默认功能：{Level(level).label}"


def names(pattern: str, code: str) -> bool:
    """Whether a pattern of DEFAULTS gives the function `code`.

    "*.export_*" means every kind of record; it does not reach accounts.export_identity, which has to be named.
    """
    return fnmatchcase(code, pattern) and not (pattern.startswith("*.") and code.startswith("accounts."))


def sync_groups() -> None:
    """Make each level's group hold exactly the permissions its patterns name."""
    codes = {f"{p.content_type.app_label}.{p.codename}": p for p in Permission.objects.select_related("content_type")}
    for level, patterns in DEFAULTS.items():
        group, _created = Group.objects.get_or_create(name=group_name(level))
        group.permissions.set([p for code, p in codes.items() if any(names(pattern, code) for pattern in patterns)])
