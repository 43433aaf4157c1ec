"""Invented people: varied, deterministic, matching nobody (ID numbers of region 99, phones 199…, mail at example.edu.cn)."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings

from models.students.identity import check_digit


def province() -> dict[str, Any]:
    """The fictional province: names, schools, colleges, majors."""
    return json.loads(Path(settings.BASE_DIR, "fixtures", "demo", "province.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Person:
    """One invented student's facts."""

    name: str
    sex: str
    id_number: str
    birth_date: date
    nation: str
    political_status: str
    origin_region: str
    urban_rural: str
    hardship: str
    phone: str
    address: str
    training_mode: str
    sponsor: str


class Inventor:
    """Makes person number n, always the same for the same n."""

    def __init__(self, data: dict[str, Any], salt: str) -> None:
        self.data, self.salt = data, salt
        self.pairs = [data["given"][i : i + 2] for i in range(0, len(data["given"]) - 1, 2)]

    def person(self, n: int) -> Person:
        """Facts of person `n`."""
        rng = random.Random(f"{self.salt}-{n}")
        data = self.data
        name, nation = self._name(rng)
        sex = rng.choice("12")
        born = date(2004, 9, 1) + timedelta(days=rng.randrange(-400, 400))
        directed = rng.random() < 0.02
        # The serial comes from n, so that no two numbers are equal whatever the size: 500 a day and sex, 2,000 areas.
        body = f"99{n // 500 % 2000 + 8000:04d}{born:%Y%m%d}{n % 500 * 2 + (sex == '1'):03d}"
        return Person(
            name=name,
            sex=sex,
            id_number=body + check_digit(body),
            birth_date=born,
            nation=nation,
            political_status=rng.choices(["03", "13", "01", "02"], [70, 18, 6, 6])[0],
            origin_region=rng.choice(data["regions"]),
            urban_rural=rng.choice("12"),
            hardship=rng.choices(["0", "2", "1", "4"], [88, 9, 2, 1])[0],
            phone=f"199{rng.randrange(10**8):08d}",
            address=f"示例省示例市示例区{rng.choice(['人民', '解放', '建设', '滨江', '学府'])}路{rng.randrange(1, 300)}号",
            training_mode="2" if directed else "1",
            sponsor="示例市教育局" if directed else "",
        )

    def _name(self, rng: random.Random) -> tuple[str, str]:
        data = self.data
        if rng.random() < 0.006:
            given, nation = rng.choice(data["minority"])
            return (rng.choice(data["surnames"]) + given if nation == "01" else given), nation
        surname = rng.choice(data["compound"]) if rng.random() < 0.02 else rng.choice(data["surnames"])
        given = rng.choice(self.pairs) if rng.random() < 0.7 else rng.choice(data["given"])
        return surname + given, rng.choice(data["nations"]) if rng.random() < 0.15 else "01"
