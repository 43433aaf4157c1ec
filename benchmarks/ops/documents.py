"""P11: 就业推荐表 as PDF. The stock way is the layout engine as it comes, the floor the same page drawn by hand."""

from __future__ import annotations

import io
import random
from typing import Any

from django.template.loader import render_to_string
from pypdf import PdfReader
from reportlab.lib.units import cm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from xhtml2pdf import pisa
from xhtml2pdf.config.resources import ResourceAccessPolicy

from benchmarks.measure import Operation
from exports.documents import engine, fonts, pool, stamp
from models.demo.recommendations import portrait

FORMS = {"": 10, "thousand": 1000}
TEMPLATE = "documents/recommendation.html"
LINE = "2023.09—2027.06 嘉陵大学 地球信息科学与技术专业 学习委员"
SELF = "本人踏实肯学，专业基础扎实，熟悉遥感影像处理与地理信息系统开发，能够独立完成从外业采集到成果出图的全过程。"
FACES = "@font-face {{ font-family: {family}; src: url('{path}'); }}"


def form(number: int, photo: str) -> dict[str, Any]:
    """A filled-in form of nobody."""
    token = f"benchmark-{number:012d}"
    return {
        "school": "嘉陵大学", "year": 2027, "name": f"测试{number}", "sex": "女", "nation": "汉族", "born": "2004-03", "political_status": "共青团员",
        "marital": "未婚", "origin": "重庆市渝中区", "degree": "本科生毕业", "college": "海洋学院", "major": "地球信息科学与技术", "unit": "地信2301",
        "number": f"2023{number:07d}", "period": "2023-09 至 2027-06", "second_major": "", "foreign_language": "英语 CET-6 520 分",
        "computer_skill": "全国计算机等级考试二级", "address": "示例省示例市示例区示例路1号", "postcode": "400000", "email": "s@example.edu.cn",
        "phone": "19900000000", "experience": [LINE] * 3, "awards": ["2024.12 校级一等奖学金"] * 2, "self_recommendation": [SELF] * 3,
        "opinion": ["同意推荐。"], "photo": photo, "qr": stamp.qr(f"https://jiuye.example.edu.cn/verify/{token}/"), "token": token,
        "site": "jiuye.example.edu.cn/verify/", "issued": "2026-11-22",
    }  # fmt: skip


def page(filled: dict[str, Any]) -> dict[str, Any]:
    """The context of a file with this one form."""
    return {"title": "就业推荐表", "school_name": "嘉陵大学", "forms": [filled]}


class Documents(Operation):
    """Files of one form each; the figure is of one. Codes and pictures are made before the clock starts, as they are in a batch."""

    code = "P11"
    parts = {"": "a recommendation form as PDF"}
    repeat = FORMS[""]

    def setup(self, way: str) -> None:
        photo = stamp.picture(portrait(random.Random("benchmark")))
        self.filled = [form(number, photo) for number in range(FORMS[self.part])]
        self.files = fonts.paths()
        if way == "ours":
            engine.prepare()
        if way == "floor":
            pdfmetrics.registerFont(TTFont("by-hand", str(self.files["serif"])))

    part = ""

    def ours(self, part: str) -> int:
        return pages([engine.render(TEMPLATE, page(one)) for one in self.filled])

    def stock(self, part: str) -> int:
        """Fonts named in the page's own stylesheet, everything else as the library has it."""
        faces = "".join(FACES.format(family=family, path=self.files[name]) for family, name in engine.FAMILIES.items())
        roots = tuple({path.parent for path in self.files.values()})
        policy = ResourceAccessPolicy.server(engine.ASSETS, extra_roots=roots, allow_remote=False)
        made = []
        for one in self.filled:
            html = render_to_string(TEMPLATE, page(one)).replace("<style>", f"<style>{faces}", 1)
            out = io.BytesIO()
            pisa.CreatePDF(html, dest=out, encoding="utf-8", resource_policy=policy)
            made.append(out.getvalue())
        return pages(made)

    def floor(self, part: str) -> int:
        """Lines and words at fixed places; no layout, no picture, no code."""
        made = []
        for one in self.filled:
            out = io.BytesIO()
            canvas = Canvas(out)
            canvas.setFont("by-hand", 10.5)
            for place, (name, value) in enumerate(one.items()):
                if name not in ("photo", "qr"):
                    text = "".join(value) if isinstance(value, list) else str(value)
                    canvas.rect(2 * cm, (27 - place * 0.8) * cm, 17 * cm, 0.8 * cm)
                    for line in range(0, max(1, len(text)), 44):
                        canvas.drawString(2.2 * cm, (27.3 - place * 0.8 - line / 80) * cm, text[line : line + 44])
            canvas.showPage()
            canvas.save()
            made.append(out.getvalue())
        return pages(made)


class Thousand(Documents):
    """A thousand of them in two processes, which takes a minute or two: only at sizes where that is usual."""

    code = "P11 1000"
    parts = {"": "1,000 recommendation forms in two processes"}
    repeat = 1
    part = "thousand"
    warm = False
    stock = floor = None

    @classmethod
    def variants(cls, place: Any) -> list[Operation]:
        return [cls(place)] if place.size in ("100k", "1m") else []

    def ours(self, part: str) -> int:
        with pool.layouts(len(self.filled)) as lay_out_all:
            return pages(list(lay_out_all((TEMPLATE, page(one)) for one in self.filled)))


def pages(made: list[bytes]) -> int:
    """How many pages in all: what the ways must agree on."""
    return sum(len(PdfReader(io.BytesIO(pdf)).pages) for pdf in made)


OPERATIONS = (Documents, Thousand)
