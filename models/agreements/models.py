"""Signing: agreements, their numbers, online invitations, terminations, and how a school wants them."""

from models.agreements.agreement import Agreement
from models.agreements.inviting import InvitationEvent, SigningInvitation
from models.agreements.numbering import AgreementNumber, NumberApplication
from models.agreements.settings import PhoneCheck, SigningExclusion, SigningSetting
from models.agreements.termination import Termination, TerminationException

__all__ = [
    "Agreement",
    "AgreementNumber",
    "InvitationEvent",
    "NumberApplication",
    "PhoneCheck",
    "SigningExclusion",
    "SigningInvitation",
    "SigningSetting",
    "Termination",
    "TerminationException",
]
