"""毕业去向落实率 by the formula that applies to a cohort: which groups of destinations count, and how a share is written.

A formula is a version of an official text. Which group a destination belongs to is data (flag `group_<version>` of the code table
`outcome_category`), not code; here stands only which groups the version adds up. An old year keeps its own version.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from models.codes.lookup import table

UNREGISTERED = "未登记"
UNGROUPED = "未归类"


@dataclass(frozen=True)
class Formula:
    """One version: `counted` groups are added up to the numerator, `others` are shown beside them."""

    version: str
    title: str
    counted: tuple[str, ...]
    others: tuple[str, ...]
    sentence: str
    source: str
    note: str = ""

    @property
    def flag(self) -> str:
        """Flag of the code table that holds the group of a destination."""
        return f"group_{self.version}"

    @property
    def groups(self) -> tuple[str, ...]:
        """Every part of the population in the order of the table; together they are the whole population."""
        return (*self.counted, *self.others, UNGROUPED, UNREGISTERED)

    def group_of(self, code: str) -> str:
        """The part a destination code belongs to; "" (nothing registered) is 未登记, a code without a group 未归类."""
        if not code:
            return UNREGISTERED
        found = table("outcome_category").flags(code).get(self.flag)
        return found if found in (*self.counted, *self.others) else UNGROUPED

    def codes_of(self, group: str) -> list[str]:
        """All destination codes of a group."""
        return [entry.code for entry in table("outcome_category").entries if self.group_of(entry.code) == group]

    def counted_codes(self) -> list[str]:
        """All destination codes that count."""
        return [code for group in self.counted for code in self.codes_of(group)]


FORMULAS = {
    one.version: one
    for one in (
        Formula(
            "2020",
            "就业率（2020 版）",
            ("协议和合同就业", "其他形式就业", "升学"),
            ("待就业", "暂不就业"),
            "就业率 =（协议和合同就业 + 其他形式就业 + 升学）÷ 毕业生总数",
            "教学厅函〔2020〕19号",
        ),
        Formula(
            "2021",
            "毕业去向落实率（2021 版）",
            ("协议和合同就业", "自主创业", "灵活就业", "升学"),
            ("待就业", "暂不就业"),
            "毕业去向落实率 = 协议和合同就业率 + 创业率 + 灵活就业率 + 升学率",
            "教学厅函〔2021〕19号 附件1",
        ),
        Formula(
            "2024",
            "毕业去向落实率（2024 版）",
            ("单位就业", "自主创业", "自由职业", "升学"),
            ("待就业", "暂不就业"),
            "毕业去向落实率 = 单位就业率 + 自主创业率 + 自由职业率 + 升学率",
            "教就业厅函〔2024〕11号",
            "2024 版文件全文未公开：“其他录用形式就业”归入单位就业是根据公式所作的推断，可在系统代码“毕业去向”中调整。",
        ),
    )
}


def version_for(year: int) -> str:
    """The version that applies to a cohort: to 2020, 2021 to 2023, from 2024 on."""
    return "2020" if year <= 2020 else "2021" if year <= 2023 else "2024"


def percent(number: int, whole: int) -> Decimal:
    """A share in per cent with two decimals, rounded half up as the reports do; 0 of nobody is 0.00."""
    if not whole:
        return Decimal("0.00")
    return (Decimal(100 * number) / Decimal(whole)).quantize(Decimal("0.01"), ROUND_HALF_UP)
