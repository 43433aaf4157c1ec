"""Screens of 教职工, 任职 and 学生账号; each registers itself."""

from admin_site.accounts import appointments, staff, students

__all__ = ["appointments", "staff", "students"]
