"""How a job ends other than well."""

from __future__ import annotations


class JobError(Exception):
    """The job cannot be done, for a reason a person can act on: `sentence` (Chinese) is what the owner reads. Not retried."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Stopped(Exception):
    """The handler is to end at once; raised by RunningJob, caught by the runner. Handlers let it pass."""


class Cancelled(Stopped):
    """The owner asked for the job to be stopped."""


class LeaseLost(Stopped):
    """Another worker has taken the job over because this one was silent too long: nothing may be written any more."""
