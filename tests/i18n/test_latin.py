"""The finder of Latin words itself: a page test is worth no more than this helper."""

import pytest

from tests.i18n.latin import latin_words


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<p>Hello 世界</p>", ["Hello"]),
        ("<p>请先Save再退出</p>", ["Save"]),
        ("<title>Home | 启航</title>", ["Home"]),
        ('<a title="View">看</a>', ["View"]),
        ('<input placeholder="Type to search">', ["Type", "to", "search"]),
        ('<img alt="Photo">', ["Photo"]),
        ('<button aria-label="Close">关</button>', ["Close"]),
        ('<input type="submit" value="Go">', ["Go"]),
        ('<td data-label="Status">有</td>', ["Status"]),
        ('<optgroup label="Other"><option value="x">Unknown</option></optgroup>', ["Other", "Unknown"]),
        ("<template><p>Later</p></template>", ["Later"]),
        ("<p>Don’t &amp; can't</p>", ["Don’t", "can't"]),
        ("<p>Run</p><p>Run</p>", ["Run"]),
        ('<textarea placeholder="Reason">typed by somebody</textarea>', ["Reason"]),
        ("<p>第 2 页 Page 2</p>", ["Page"]),
    ],
)
def test_finds_what_is_shown(html, words):
    assert latin_words(html) == words


@pytest.mark.parametrize(
    "html",
    [
        "<script>let word = 'English';</script>",
        "<style>.row { color: red }</style>",
        '<input type="text" name="name" value="Alice" class="field">',
        '<input type="hidden" value="token">',
        '<a href="/students/list" class="link" data-turbo="off">查看</a>',
        "<!-- comment -->",
        '<span class="text-sm material-symbols-outlined">arrow_forward</span>',
        "<svg><title>icon</title></svg>",
        "<p>请用 Excel 打开 CSV，联系 QQ 群，文件不超过 5 MB，姓名按 GB 2312</p>",
        "<p>协议书编号 DX2026A001，规则 R03，编码 UTF-8，纸张 A4</p>",
        "<p>邮箱 zhang.san@example.edu.cn，网址 https://job.example.edu.cn/path?x=abc，或 www.example.edu.cn</p>",
        "<p>下载 students.xlsx 和 生源template.xlsx</p>",
        "<p>选项 A、B</p>",
    ],
)
def test_leaves_out_what_is_not_a_word(html):
    assert latin_words(html) == []


def test_text_after_a_hidden_part_is_seen():
    assert latin_words("<script>x</script><p>After</p>") == ["After"]
    assert latin_words('<i class="material-symbols-outlined">add</i><b>After</b>') == ["After"]
    assert latin_words('<svg><path d="M0"/><g></g></svg><b>After</b>') == ["After"]


def test_allow_takes_words_and_phrases():
    html = "<p>账号 jiaoshi，公司 Acme Trading Ltd. 与 Acme</p>"
    assert latin_words(html) == ["jiaoshi", "Acme", "Trading", "Ltd"]
    assert latin_words(html, allow=["jiaoshi", "Acme Trading Ltd."]) == ["Acme"]


def test_allow_does_not_hide_parts_of_words():
    assert latin_words("<p>administrator</p>", allow=["admin"]) == ["administrator"]
