"""Employers: the library, the account's review 单位审核 and admission 入驻, what a school excludes, registrations and appeals.

One employer, one row; one account per 统一社会信用代码 (the code is the account's name, so the database sees to it). What an
employer enters stands on its verification until it is approved; only then does it reach the library that fills everybody's forms.
"""

from __future__ import annotations

from models.employers.library import Employer
from models.employers.matters import EmployerAdmission, EmployerVerification
from models.employers.records import AccountAppeal, Blacklist, Registration

__all__ = ["AccountAppeal", "Blacklist", "Employer", "EmployerAdmission", "EmployerVerification", "Registration"]
