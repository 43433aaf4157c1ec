"""What stands in the side bar: only what the person may open, in the groups an employment office thinks in: the work of a season in its order, then its settings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import get_script_prefix, reverse
from django.utils.functional import cached_property

from workflows.chain import matters


@dataclass(frozen=True)
class Entry:
    """One link. `model` is "app.model" with its list as the target, unless `name` gives another URL name of the admin."""

    title: str
    icon: str
    model: str = ""
    name: str = ""
    permission: str = ""

    def url_name(self) -> str:
        return f"admin:{self.name or self.model.replace('.', '_') + '_changelist'}"


def _matter_entries(section: str) -> tuple[Entry, ...]:
    """Links to the overviews of the matters that declare this section."""
    return tuple(
        Entry(
            str(model._meta.verbose_name),
            "assignment_ind",
            model._meta.label_lower,
            f"{model._meta.app_label}_{model._meta.model_name}_overview",
        )
        for model in matters()
        if model in admin.site._registry and model.section == section
    )


@lru_cache(maxsize=1)
def groups() -> tuple[tuple[str, tuple[Entry, ...]], ...]:
    """The whole side bar, before rights. Made once: which matters there are is settled when the first page is asked for."""
    return (
        ("", (Entry("工作台", "home", name="index"),)),
        ("学生信息", (
            Entry("学生", "school", "students.student"),
            *_matter_entries("students"),
            Entry("专业转移", "swap_horiz", "students.majortransfer"),
            Entry("学籍异动", "history_edu", "students.rollchange"),
            Entry("修改申请", "edit_note", "workflows.changerequest"),
        )),
        ("签约与去向", (
            *_matter_entries("signing"),
            Entry("应约邀请", "mail", "agreements.signinginvitation"),
            Entry("签约工作台", "handyman", name="signing_desk", permission="agreements.review_numberapplication"),
            Entry("协议书编号", "tag", "agreements.agreementnumber"),
            *_matter_entries("outcomes"),
            Entry("未就业名单", "person_search", name="outcomes_outcome_unplaced", permission="outcomes.view_outcome"),
            Entry("签约限制", "block", "agreements.signingexclusion"),
            Entry("解约例外", "published_with_changes", "agreements.terminationexception"),
            Entry("签约设置", "settings", "agreements.signingsetting"),
            Entry("去向填写要求", "rule", "outcomes.outcomefield"),
            Entry("去向证明材料", "fact_check", "outcomes.outcomeevidence"),
            Entry("去向填写模板", "draft", "outcomes.filltemplate"),
        )),
        ("用人单位", (
            *_matter_entries("employers"),
            Entry("用人单位库", "domain", "employers.employer"),
            Entry("不受信单位", "block", "employers.blacklist"),
            Entry("账号申诉", "contact_support", "employers.accountappeal"),
        )),
        ("上报与统计", (
            *_matter_entries("reporting"),
            Entry("就业方案", "list_alt_check", "reporting.employmentplan"),
            Entry("上报批次", "cloud_upload", "reporting.reportbatch"),
            Entry("报送日志", "receipt_long", "reporting.reportitem"),
            Entry("数据比对", "difference", "reporting.reconciliation"),
            Entry("上报设置", "settings_suggest", "reporting.reportsetting"),
            Entry("落实率统计", "monitoring", name="rates_figures", permission="rates.view_ratesnapshot"),
            Entry("统计快照", "photo_camera", "rates.ratesnapshot"),
            Entry("就业进展", "trending_up", "rates.progressitem"),
            Entry("就业跟踪台账", "support_agent", "rates.followup"),
            Entry("就业动态统计表", "table_chart", name="rates_followup_table", permission="rates.view_followup"),
            Entry("落实率口径", "tune", "rates.ratesetting"),
        )),
        ("数据", (
            Entry("导入", "upload_file", name="imports", permission="import"),
            Entry("导出记录", "download", name="exports", permission="export"),
            Entry("任务", "hourglass_top", "jobs.job"),
        )),
        ("组织", (
            Entry("学校", "account_balance", "organisation.school"),
            Entry("院系与班级", "account_tree", "organisation.orgunit"),
            Entry("专业设置", "menu_book", "organisation.major"),
            Entry("毕业届", "calendar_month", "organisation.cohort"),
            Entry("校区", "location_on", "organisation.campus"),
        )),
        ("账号", (
            Entry("教职工", "badge", "accounts.user"),
            Entry("任职", "supervisor_account", "accounts.staffappointment"),
            Entry("功能分配", "tune", name="accounts_functions", permission="accounts.assign_functions"),
            Entry("学生账号", "person", "accounts.studentaccount"),
        )),
        ("系统", (
            Entry("系统代码", "list_alt", "codes.codetable"),
            Entry("审核流程", "route", "workflows.flow"),
            Entry("功能时间", "schedule", "workflows.window"),
            Entry("字段设置", "view_column", "workflows.fieldpolicy"),
            Entry("自定义字段", "add_box", "workflows.extrafield"),
            Entry("常用退回原因", "undo", "workflows.returnreason"),
            Entry("规则设置", "gavel", "workflows.rulesetting"),
            Entry("导出审批", "verified_user", "releases.exportrule"),
            Entry("审计日志", "policy", "audit.auditentry"),
        )),
    )  # fmt: skip


def name_of(label: str) -> str:
    """What the side bar calls the list of the model "app.model"; "" for one that has no entry there."""
    return next((entry.title for _group, entries in groups() for entry in entries if entry.model == label), "")


def may_open(request: HttpRequest, entry: Entry) -> bool:
    """Whether the person may open what the entry leads to."""
    if entry.permission in ("import", "export"):
        return any(f".{entry.permission}_" in code for code in request.user.get_all_permissions())
    if entry.permission:
        return request.user.has_perm(entry.permission)
    if not entry.model:
        return True
    try:
        model_admin = admin.site._registry.get(apps.get_model(entry.model))
    except LookupError:
        return False
    return model_admin is not None and model_admin.has_view_or_change_permission(request)


@dataclass(frozen=True)
class Link:
    """Where an entry leads: its page, and the path below which every page belongs to it."""

    group: str
    entry: Entry
    url: str
    root: str


def links() -> tuple[Link, ...]:
    """Every entry of the side bar with its addresses."""
    return _links(get_script_prefix())


@lru_cache(maxsize=4)
def _links(_prefix: str) -> tuple[Link, ...]:
    index = reverse("admin:index")
    return tuple(
        Link(
            group,
            entry,
            url := reverse(entry.url_name()),
            f"{index}{entry.model.replace('.', '/')}/" if entry.model else url,
        )
        for group, entries in groups()
        for entry in entries
    )


def _is_below(path: str, link: Link) -> bool:
    """Whether the page at `path` belongs to the entry; the front page owns itself alone."""
    return path == link.root if link.entry.name == "index" else path.startswith(link.root)


class SideBar(list[dict[str, Any]]):
    """Groups of links; a group without a link is left out. `html` is what the frame puts on the page."""

    @cached_property
    def html(self) -> str:
        return render_to_string("admin_site/side_bar.html", {"groups": self})


def sidebar(request: HttpRequest) -> SideBar:
    """The side bar of this person on this page."""
    every = links()
    open_to = tuple(n for n, link in enumerate(every) if may_open(request, link.entry))
    # The longest path wins: 功能分配 lies below 教职工.
    active = max(
        (n for n in open_to if _is_below(request.path, every[n])), key=lambda n: len(every[n].root), default=None
    )
    return _side_bar(get_script_prefix(), open_to, active)


# Colleagues of one level see the same bar, and drawing its sixty entries is a quarter of a page's time. The key is all that it depends on:
# what the person may open is worked out at every request.
@lru_cache(maxsize=256)
def _side_bar(_prefix: str, open_to: tuple[int, ...], active: int | None) -> SideBar:
    every = links()
    return SideBar(
        {"title": group, "items": [
            {"title": every[n].entry.title, "icon": every[n].entry.icon, "link": every[n].url, "active": n == active} for n in numbers
        ]}
        for group, numbers in groupby(open_to, key=lambda n: every[n].group)
    )  # fmt: skip


def crumbs(parts: list[dict[str, Any]], path: str = "") -> list[dict[str, Any]]:
    """The path above a page in the words of the side bar: its group and entry in the place of the application's and the model's names."""
    pages = [link for link in links() if not link.entry.model and link.entry.name != "index" and _is_below(path, link)]
    if pages:  # 签约工作台 lies below 协议书编号, but is a page of its own
        page = max(pages, key=lambda link: len(link.root))
        return [{"title": page.group, "link": ""}, {"title": page.entry.title, "link": page.url}, *parts[2:]]
    known = {link.root: link for link in links() if link.entry.model}
    found = next((known[url] for part in parts if (url := str(part.get("link", ""))) in known), None)
    if found is None:
        return parts
    named = [{**part, "title": found.entry.title} if str(part.get("link", "")) in known else part for part in parts[1:]]
    return [{"title": found.group, "link": ""}, *named] if found.group else named
