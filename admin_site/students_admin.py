"""Students: the same list as every matter has, and the form of one student."""

from __future__ import annotations

from django.contrib import admin

from admin_site import students_affairs
from admin_site.matters.admin import ListAdmin
from admin_site.scoped import ADD, DELETE
from models.students.models import Student


@admin.register(Student)
class StudentAdmin(ListAdmin):
    """The roll: the list as every matter has it, one student on one page (students_affairs)."""

    # Students come by import, which makes account, roll record and 生源 record together; one made by mistake is undone as a whole.
    never = (ADD, DELETE)
    pages = (*ListAdmin.pages, students_affairs)
