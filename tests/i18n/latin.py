"""Find Latin words which a person would see on a rendered page.

>>> latin_words('<button title="Save">保存</button>')
['Save']
"""

import re
from collections.abc import Iterable
from html.parser import HTMLParser

# Names, formats and keys which Chinese offices write in Latin letters themselves.
# No key that is also a word on a button (Enter, Delete): an English button would hide behind it.
NAMES = {"QQ", "Excel", "Word", "WPS", "CAS", "IP", "GB", "GBK", "UTF", "KB", "MB", "Ctrl", "Command", "Esc", "esc"}
FORMATS = {"csv", "docx", "jpeg", "jpg", "pdf", "png", "xls", "xlsx", "zip"}
ALLOWED = frozenset(NAMES | FORMATS | {name.upper() for name in FORMATS})
SHOWN_ATTRIBUTES = (
    "title",
    "placeholder",
    "alt",
    "aria-label",
    "aria-description",
    "aria-roledescription",
    "data-label",
)
# `textarea` and text inputs hold what somebody typed: data, not our words.
UNSEEN = {"script", "style", "svg", "math", "textarea", "noscript"}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
# Icon fonts spell the icon's name in the text and draw a picture.
ICON_CLASSES = {"material-symbols-outlined", "material-symbols-rounded", "material-icons"}

# Things written in Latin letters that are not words: addresses, file names and codes such as DX2026A001, R03 or UTF-8.
NOT_WORDS = re.compile(
    r"""
      https?://[^\s<>"，。；）]+
    | [A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*
    | (?<![A-Za-z0-9])(?:[A-Za-z0-9-]+\.)+(?:cn|com|net|org|edu|gov)(?![A-Za-z0-9])
    | [^\s/<>"“”：:，。]+\.(?:xlsx|xls|csv|pdf|zip|docx|jpg|jpeg|png)(?![A-Za-z0-9])
    | (?<![A-Za-z0-9])(?=[A-Za-z0-9_/-]*[0-9])(?=[A-Za-z0-9_/-]*[A-Za-z])[A-Za-z0-9]+(?:[-_/][A-Za-z0-9]+)*
    """,
    re.X,
)
WORD = re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏ]{2,}(?:['’][A-Za-z]+)?")


class ShownText(HTMLParser):
    """Collects in `texts` what a reader sees or hears: text between tags, and the attributes browsers show."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self.unseen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if not self.unseen or tag == "textarea":
            self.texts += [attributes[name] for name in SHOWN_ATTRIBUTES if attributes.get(name)]
            if tag in {"option", "optgroup", "track"} and attributes.get("label"):
                self.texts.append(attributes["label"])
            if tag == "input" and attributes.get("type", "").lower() in {"submit", "button", "reset"}:
                self.texts.append(attributes.get("value", ""))
        if tag in VOID:
            return
        icon = ICON_CLASSES & set(attributes.get("class", "").split())
        if self.unseen or tag in UNSEEN or icon:
            self.unseen.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        # Close up to the matching tag: HTML lets inner end tags be left out.
        if tag in self.unseen:
            while self.unseen.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not self.unseen and data.strip():
            self.texts.append(data)


def shown_texts(html: str) -> list[str]:
    """Return the texts and shown attributes of a page or fragment, in order."""
    parser = ShownText()
    parser.feed(html)
    parser.close()
    return parser.texts


def latin_words(html: str, allow: Iterable[str] = ()) -> list[str]:
    """Return the Latin words of two letters or more which the page shows, each once, in order.

    `allow` adds words to ALLOWED for this page: account names, English names of people and companies. An entry with
    spaces or punctuation is taken out as a whole. Upper and lower case matter.
    """
    extra = sorted(allow, key=len, reverse=True)
    permitted = ALLOWED | set(extra)
    found: dict[str, None] = {}
    for text in shown_texts(html):
        for phrase in extra:
            text = re.sub(rf"(?<![A-Za-z]){re.escape(phrase)}(?![A-Za-z])", " ", text)
        for word in WORD.findall(NOT_WORDS.sub(" ", text)):
            if word not in permitted:
                found[word] = None
    return list(found)
