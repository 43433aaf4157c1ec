"""毕业去向 and what a school may set about it."""

from models.outcomes.outcome import Outcome
from models.outcomes.packs import FillTemplate, OutcomeEvidence, OutcomeField

__all__ = ["FillTemplate", "Outcome", "OutcomeEvidence", "OutcomeField"]
