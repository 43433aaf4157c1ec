"""用人单位：rows of the library, found by 统一社会信用代码, without one by name."""

from __future__ import annotations

from typing import Any

from exports.importing import normalise
from exports.importing.columns import Cell, Coded, Column
from exports.importing.kinds.base import CREATED, FAILED, UNCHANGED, UPDATED, Entry, Kind, jsonable, same
from exports.importing.refusal import CellError
from models.employers import bulk, uscc
from models.employers.library import WEBSITE, Employer
from models.students.names import tidy

PREFIX = "employer."


class UsccCell(Cell):
    """A 统一社会信用代码 with its check digit."""

    def find(self, value: Any) -> str:
        code = uscc.tidy(normalise.number_text(value, max_length=40)[0])
        if sentence := uscc.problem(code):
            raise CellError("uscc", sentence)
        return code


class NameCell(Cell):
    """A name as the library keeps names."""

    def find(self, value: Any) -> str:
        return tidy(super().find(value))


class Website(Cell):
    """An address on the web."""

    def find(self, value: Any) -> str:
        text = super().find(value)
        if text and not WEBSITE.regex.match(text):
            raise CellError("website", str(WEBSITE.message))
        return text


class Names(Cell):
    """Former names, separated by 、 or ;."""

    def find(self, value: Any) -> list[str]:
        text = super().find(value)
        for sign in ("；", ";", "|", "\n"):
            text = text.replace(sign, "、")
        return [tidy(part) for part in text.split("、") if part.strip()]

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "、".join(value or ())


class EmployerKind(Kind):
    """用人单位."""

    name = "employers"
    title = "用人单位"
    about = (
        "用人单位库：按统一社会信用代码认定，没有代码的按单位名称认定；用于填写签约、去向时带出单位信息。"
        "已注册账号的单位由单位自己维护资料，导入不会修改。全部学校共用。"
    )
    permissions = ("employers.import_employer",)
    unique = (((f"{PREFIX}uscc",), "统一社会信用代码"), (("bare",), "单位名称"))
    rows_of = Employer
    sorted_by = ("name",)
    school_path = ""

    title_ = Column("单位名称", f"{PREFIX}name", NameCell(max_length=120), required=True, example="示例科技有限公司", attribute="name",
                    aliases=("名称", "用人单位", "用人单位名称", "公司名称", "企业名称", "实际所在单位名称", "dwmc"), help="与营业执照一致的全称")  # fmt: skip
    code = Column("统一社会信用代码", f"{PREFIX}uscc", UsccCell(), example="919900000000000192", attribute="uscc",
                  aliases=("信用代码", "社会信用代码", "单位统一社会信用代码", "组织机构代码", "单位代码", "tyshxydm"),
                  help="18 位；确实没有的留空，按单位名称认定")  # fmt: skip
    type_ = Column("单位性质", f"{PREFIX}employer_type", Coded("employer_type"), attribute="employer_type",
                   aliases=("性质", "单位类型", "企业性质", "单位性质代码", "dwxz"))  # fmt: skip
    industry = Column("单位行业", f"{PREFIX}industry", Coded("industry"), attribute="industry",
                      aliases=("行业", "所属行业", "行业类别", "单位行业代码", "dwhy"))  # fmt: skip
    region = Column("单位所在地", f"{PREFIX}region", Coded("region"), example="示例省示例市示例区", attribute="region",
                    aliases=("所在地", "所在地区", "单位所在地区", "单位所在地代码", "地区", "dwszd"))  # fmt: skip
    address = Column(
        "通讯地址",
        f"{PREFIX}address",
        Cell(max_length=200),
        attribute="address",
        aliases=("地址", "单位地址", "详细地址"),
    )
    postcode = Column(
        "邮政编码", f"{PREFIX}postcode", Cell(normalise.postcode), attribute="postcode", aliases=("邮编", "单位邮编")
    )
    contact = Column(
        "联系人", f"{PREFIX}contact", Cell(max_length=40), attribute="contact", aliases=("单位联系人", "联系人姓名")
    )
    phone = Column(
        "联系电话",
        f"{PREFIX}phone",
        Cell(normalise.landline),
        attribute="phone",
        aliases=("电话", "单位电话", "联系人电话", "固定电话"),
    )
    mobile = Column(
        "联系手机",
        f"{PREFIX}mobile",
        Cell(normalise.phone),
        attribute="mobile",
        aliases=("手机", "手机号码", "联系人手机"),
    )
    email = Column(
        "电子邮箱", f"{PREFIX}email", Cell(normalise.email), attribute="email", aliases=("邮箱", "单位邮箱", "email")
    )
    fax = Column("传真", f"{PREFIX}fax", Cell(normalise.landline), attribute="fax", aliases=("单位传真",))
    website = Column(
        "单位网址", f"{PREFIX}website", Website(max_length=200), attribute="website", aliases=("网址", "官网", "网站")
    )
    description = Column(
        "单位简介", f"{PREFIX}description", Cell(max_length=2000), attribute="description", aliases=("简介", "单位介绍")
    )
    former = Column("曾用名", f"{PREFIX}former_names", Names(max_length=500), attribute="former_names", help="几个曾用名用顿号隔开",
                    aliases=("原名称", "单位曾用名"))  # fmt: skip

    def label_of(self, entry: Entry) -> str:
        return str(entry.values.get(f"{PREFIX}name", ""))

    def written(self) -> dict[str, Any]:
        return {"employer": Employer}

    def check(self, entry: Entry) -> None:
        """A row without a code is known by its name, which then must not occur twice."""
        if not entry.values.get(f"{PREFIX}uscc") and "统一社会信用代码" not in entry.errors:
            entry.values["bare"] = entry.values.get(f"{PREFIX}name")

    def resolve(self, entries: list[Entry], *, lock: bool) -> None:
        codes = [code for entry in entries if (code := entry.values.get(f"{PREFIX}uscc"))]
        names = [name for entry in entries if (name := entry.values.get(f"{PREFIX}name"))]
        by_code, by_name = bulk.find_employers(codes, names, lock=lock)
        taken: set[int] = set()
        for entry in entries:
            if not entry.errors:
                code, name = entry.values.get(f"{PREFIX}uscc"), entry.values[f"{PREFIX}name"]
                # A row that was kept without a code is the one of that name, when the code comes at last.
                found = by_code.get(code) if code else None
                found = found or by_name.get(name)
                if found and found["id"] in taken:
                    found = None if code else found
                self._compare(entry, found)
                if found:
                    taken.add(found["id"])
            if entry.errors:
                entry.status, entry.changes = FAILED, {}

    def _compare(self, entry: Entry, found: dict[str, Any] | None) -> None:
        values = {
            target.removeprefix(PREFIX): value if value is not None else ([] if target.endswith("former_names") else "")
            for target, value in entry.values.items()
            if target.startswith(PREFIX)
        }
        entry.changes = {}
        if found is None:
            entry.status, entry.plan = CREATED, {"id": None, "values": values}
            return
        # A text of several lines leaves in one; read back, it has not changed.
        new = {name: value for name, value in values.items() if not same(self._as_read(found[name]), value)}
        if found["account_id"] and new:
            entry.fail("单位名称", "has_account", "该单位已注册账号，资料由单位自己维护；如有误，请通知单位修改。")
            return
        for name, value in new.items():
            entry.changes[self.header(PREFIX + name)] = [
                self.shown(PREFIX + name, found[name]),
                self.shown(PREFIX + name, value),
            ]
        if "name" in new and found["uscc"] and found["name"] not in new.get("former_names", found["former_names"]):
            new["former_names"] = [*new.get("former_names", found["former_names"]), found["name"]]
        entry.status = UPDATED if new else UNCHANGED
        entry.plan = {"id": found["id"], "values": new, "old": {name: found[name] for name in new}}

    @staticmethod
    def _as_read(value: Any) -> Any:
        return normalise.text(value)[0] if isinstance(value, str) else value

    def write(self, entries: list[Entry]) -> None:
        ctx = self.context
        made = [entry for entry in entries if entry.plan["id"] is None]
        changed = [entry for entry in entries if entry.plan["id"] is not None]
        changes = {entry.plan["id"]: entry.plan["values"] for entry in changed}
        ids = bulk.write_employers([entry.plan["values"] for entry in made], changes, by=ctx.by, reason=ctx.reason)
        for entry, pk in zip(made, ids, strict=True):
            entry.undo = {"employer": [pk, None, None]}
        for entry in changed:
            entry.undo = {"employer": [entry.plan["id"], None, jsonable(entry.plan["old"])]}

    def in_use(self, made: dict[str, list[int]]) -> set[int]:
        return bulk.in_use(made.get("employer", ()))

    def take_back(self, made: dict[str, list[int]], changed: dict[str, dict[int, dict[str, Any]]]) -> None:
        ctx = self.context
        bulk.take_back(made.get("employer", ()), changed.get("employer", {}), by=ctx.by, reason=ctx.reason)
