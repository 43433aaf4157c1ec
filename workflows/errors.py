"""Refusals that speak: each carries a sentence for the person and a code for machines."""

from __future__ import annotations


class Refused(Exception):
    """Something cannot be done now. `str()` is a Chinese sentence for the person; `code` and `status` are for the API."""

    code = "refused"
    status = 409

    def __init__(self, sentence: str, *, code: str | None = None, details: list | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.details = details or []
        if code:
            self.code = code


class NotAllowed(Refused):
    """The person lacks the function or does not hold the level."""

    code, status = "forbidden", 403


class Absent(Refused):
    """The record is outside the person's scope, or is not there: both look the same."""

    code, status = "not_found", 404


class Conflict(Refused):
    """Somebody else was first, or the form was stale. `details` holds what changed meanwhile."""

    code, status = "conflict", 409


class WrongState(Conflict):
    """The record is not in a state from which this can be done."""

    code = "state"


class Closed(Refused):
    """The matter is outside its window, or its cohort is archived."""

    code, status = "closed", 403


class RulesFailed(Refused):
    """Rules of severity error do not hold; `details` are the findings."""

    code, status = "rules", 422


class Invalid(Refused):
    """Values that cannot be stored; `errors` maps field names to sentences."""

    code, status = "invalid", 400

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("；".join(errors.values()))
        self.errors = errors
