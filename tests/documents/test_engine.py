"""Printed forms: what is in the file, and what it cannot reach (security C7, D3)."""

from __future__ import annotations

import contextlib
import io
import logging
import shutil
import socket
import subprocess
import threading

import pytest
from pypdf import PdfReader

from exports.documents import engine, stamp

pytestmark = pytest.mark.filterwarnings("default")
NEEDS_POPPLER = pytest.mark.skipif(shutil.which("pdffonts") is None, reason="needs poppler-utils")

FORM = {
    "school": "嘉陵大学", "year": 2027, "name": "孙𬱖㐂", "sex": "女", "nation": "土家族", "born": "2004-03", "political_status": "共青团员",
    "marital": "未婚", "origin": "重庆市石柱土家族自治县", "degree": "本科毕业", "college": "海洋学院", "major": "地信", "unit": "地信2301",
    "number": "20230050012", "period": "2023-09 至 2027-06", "email": "s@example.edu.cn", "phone": "19900000012",
    "experience": ["2023.09—2027.06 嘉陵大学 班长"], "awards": ["校级一等奖学金"], "self_recommendation": ["踏实肯学。"], "opinion": [],
    "token": "abcdefghijklmnopqrstuv", "site": "example.edu.cn/verify/", "issued": "2026-11-22",
}  # fmt: skip


def printed(**values) -> bytes:
    form = {**FORM, "qr": stamp.qr("https://example.edu.cn/verify/abcdefghijklmnopqrstuv/"), **values}
    return engine.render(
        "documents/recommendation.html", {"title": "就业推荐表", "school_name": "嘉陵大学", "forms": [form]}
    )


def text_of(pdf: bytes) -> str:
    return "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


@pytest.fixture
def warned(caplog):
    """What the layout engine complained about: nothing may be left when the test ends."""
    caplog.set_level(logging.WARNING)
    yield caplog
    assert [record.getMessage() for record in caplog.records] == []


def test_one_page_that_says_what_it_should(warned):
    pdf = printed()
    assert pdf.rstrip().endswith(b"%%EOF")
    assert len(PdfReader(io.BytesIO(pdf)).pages) == 1
    text = text_of(pdf)
    for value in ("嘉陵大学2027届毕业生就业推荐表", "重庆市石柱土家族自治县", "20230050012", "校级一等奖学金"):
        assert value in text


def test_rare_names_are_printed_and_come_out_again_as_they_are(warned):
    assert "孙𬱖㐂" in text_of(printed())


@NEEDS_POPPLER
def test_every_font_is_in_the_file(tmp_path):
    path = tmp_path / "form.pdf"
    path.write_bytes(printed())
    lines = subprocess.run(["pdffonts", path], capture_output=True, text=True, check=True).stdout.splitlines()[2:]
    assert len(lines) >= 2
    assert [line for line in lines if line.split()[-5:-3] != ["yes", "yes"]] == []
    text = subprocess.run(["pdftotext", path, "-"], capture_output=True, text=True, check=True).stdout
    assert "孙𬱖㐂" in text


@pytest.mark.parametrize("lines", [4, 8])
def test_the_fullest_form_still_fits_one_page(lines, warned):
    full = {
        "experience": ["经" * 60] * 4, "awards": ["奖" * 60] * 4, "self_recommendation": ["荐" * (300 // lines)] * lines,
        "opinion": ["意" * 40] * 3, "address": "址" * 100, "major": "专" * 40, "unit": "班" * 20, "foreign_language": "外" * 60,
        "second_major": "二" * 60, "computer_skill": "机" * 60, "email": "a" * 60 + "@example.edu.cn", "origin": "源" * 30,
    }  # fmt: skip
    pdf = printed(**full)
    assert len(PdfReader(io.BytesIO(pdf)).pages) == 1
    assert text_of(pdf).count("经") >= 240


HOSTILE = [
    "<script>alert(1)</script>", "<img src='http://127.0.0.1:{port}/hit'>", "<link rel=stylesheet href='http://127.0.0.1:{port}/hit'>",
    "<pdf:include src='http://127.0.0.1:{port}/hit'>", "</td></tr></table><h1>伪造</h1>", "{{{{ 7|add:7 }}}}", "&lt;b&gt;", "<img src='file:///etc/hostname'>",
    "<style>@import url(http://127.0.0.1:{port}/hit);</style>", "<pdf:font name=x src='/etc/passwd'>", "</p><pdf:nextpage/>",
]  # fmt: skip


@pytest.mark.parametrize("payload", HOSTILE)
def test_what_people_wrote_is_text_and_nothing_else(payload, listener):
    """Security C7: printed letter by letter. D3: nobody was called."""
    written = payload.format(port=listener.port)
    pdf = printed(experience=[written], self_recommendation=[written], opinion=[written])
    assert len(PdfReader(io.BytesIO(pdf)).pages) == 1
    squeezed = "".join(text_of(pdf).split())
    assert "".join(written.split()) in squeezed
    assert listener.hits == 0


@pytest.fixture
def listener():
    """A server that counts who calls."""

    class Listener(threading.Thread):
        hits = 0

        def run(self) -> None:
            while True:
                try:
                    connection, _address = self.socket.accept()
                except OSError:
                    return
                self.hits += 1
                connection.close()

    one = Listener(daemon=True)
    one.socket = socket.create_server(("127.0.0.1", 0))
    one.port = one.socket.getsockname()[1]
    one.start()
    yield one
    one.socket.close()


SINKS = [
    '<img src="{url}">', '<link rel="stylesheet" href="{url}">', "<style>@import url({url});</style>",
    '<style>@font-face {{ font-family: x; src: url("{url}"); }} p {{ font-family: x; }}</style><p>x</p>',
    '<style>p {{ background-image: url("{url}"); }}</style><p>x</p>', '<style>@page {{ background-image: url("{url}"); }}</style><p>x</p>',
    '<pdf:include src="{url}">',
]  # fmt: skip


@pytest.mark.parametrize("sink", SINKS)
def test_even_a_template_reaches_no_network_and_no_file(sink, listener, tmp_path):
    """Security D3, for every tag and style that could fetch: not over the wire, not from outside the (empty) folder of assets."""
    secret = tmp_path / "secret.txt"
    secret.write_text("GEHEIM")
    for url in (f"http://127.0.0.1:{listener.port}/hit", f"file://{secret}", str(secret), "manage.py"):
        with contextlib.suppress(engine.NotPrinted, ValueError, OSError):  # a refusal is as good as an empty place
            pdf = engine.laid_out(f"<html><body><p>形</p>{sink.format(url=url)}</body></html>")
            assert "GEHEIM" not in text_of(pdf)
            assert b"GEHEIM" not in pdf
    assert listener.hits == 0


def test_a_code_says_the_address(settings):
    settings.PUBLIC_URL = "https://jiuye.example.edu.cn/"
    assert stamp.address("abc") == "https://jiuye.example.edu.cn/verify/abc/"
    assert stamp.address("abc", "http://127.0.0.1:8105") == "http://127.0.0.1:8105/verify/abc/"
    assert stamp.qr("x").startswith("data:image/png;base64,")


@pytest.mark.parametrize("before", range(34, 46))
def test_no_line_begins_with_a_comma(before):
    text = text_of(printed(self_recommendation=["我" * before + "，" + "他" * 60]))
    lines = [line.strip() for line in text.splitlines()]
    assert not [line for line in lines if line.startswith("，")]
