"""Who may plan, report and compare: what these make holds everybody's data of a school."""

from __future__ import annotations

from typing import Any

from workflows.errors import NotAllowed


def require(by: Any, deed: str, school_id: int, what: str) -> None:
    """NotAllowed unless the person holds the function `deed` ("add_reportbatch") and answers for the whole school.

    `what` names the deed in the refusal. Nobody (`by` is None) is the system itself: the command line, a job.
    """
    if by is None:
        return
    if not by.has_perm(f"reporting.{deed}"):
        raise NotAllowed(f"您没有{what}的功能，请联系学校管理员在「功能分配」中开通。")
    if not by.scope.covers(f"{school_id}/"):
        raise NotAllowed(f"{what}涉及全校学生的数据，只能由负责该校全校工作的人员办理。")
