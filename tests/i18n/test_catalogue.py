"""Every string of the libraries we show is Chinese, keeps its placeholders and speaks the project's words."""

import ast
import gettext as gnu
import re
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation
from django.utils.translation.trans_real import DjangoTranslation

from tests.i18n.messages import Message, folder_of, messages_of, script_messages_of

PACKAGES = [
    "unfold",
    "import_export",
    "django_filters",
    "simple_history",
    "rest_framework",
    "axes",
    "django_tasks",
    "django_tasks_db",
    "drf_spectacular",
    "django_fsm",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.core",
    "django.db",
    "django.forms",
    "django.template",
    "django.utils",
    "django.views",
]
CATALOGUE = Path(__file__).resolve().parents[2] / "locale" / "zh_Hans" / "LC_MESSAGES"
CHINESE = re.compile(r"[\u4e00-\u9fff]")

# Not words at all, or names the Chinese use themselves.
SYMBOLS = {
    "%(class_name)s %(instance)s",
    "%(truncated_text)s…",
    "%s GB",
    "%s KB",
    "%s MB",
    "%s PB",
    "%s TB",
    ", ",
    ":",
    ":?.!",
    "IPv4",
    "IPv6",
    "URL",
    "…",
}
# Where the shown example says more than the placeholder, which names the format in English letters.
DROPPED = {
    "Date has wrong format. Use one of these formats instead: {format}.",
    "Datetime has wrong format. Use one of these formats instead: {format}.",
    "Time has wrong format. Use one of these formats instead: {format}.",
    "Duration has wrong format. Use one of these formats instead: {format}.",
}
# Parts of messages which are shown with DEBUG only, and whose own translations move the tags about.
DEVELOPER_PAGES = ("docs.djangoproject.com", "Referer")
# Messages put together at run time, which no scan of the source can see.
COMPUTED = {
    "new through import_export",
    "update through import_export",
    "delete through import_export",
    "%s through import_export",
}
# What interface texts never say here, and why.
UNWANTED = {
    "！": "no exclamation marks",
    "你": "people are addressed as 您",
    "驳回": "the word is 退回",
    "注销": "leaving is 退出登录; 注销 is the end of an account",
    "帐": "账号 is written 账",
    "过滤器": "the word is 筛选",
    "Django": "no product names",
}


def translate(message: Message) -> str:
    """Look a message up the way the library will."""
    if message.context and message.plural:
        return translation.npgettext(message.context, message.text, message.plural, 2)
    if message.context:
        return translation.pgettext(message.context, message.text)
    if message.plural:
        return translation.ngettext(message.text, message.plural, 2)
    return translation.gettext(message.text)


def placeholders(text: str) -> tuple[set[str], Counter]:
    """Return (named placeholders, counts of the positional ones) of both Python styles; %% is no placeholder."""
    text = text.replace("%%", "")
    named = set(re.findall(r"%\(\w+\)[a-z]|\{\w+(?::\w+)?\}", text))
    return named, Counter(re.findall(r"%[sdrif]|\{\}", text))


@pytest.fixture(autouse=True)
def chinese():
    with translation.override("zh-hans"):
        yield


@pytest.mark.parametrize("package", PACKAGES)
def test_every_string_of_the_package_is_chinese(package):
    found = messages_of(package)
    assert found, "the scan found no strings: it is broken, or the package no longer translates"
    english = {
        f"{place} {message.text!r}": translate(message)
        for message, place in found.items()
        if message.text not in SYMBOLS and not CHINESE.search(translate(message))
    }
    assert english == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_placeholders_survive_translation(package):
    wrong = {}
    for message, place in messages_of(package).items():
        text = translate(message)
        named, positional = placeholders(text)
        sources = [placeholders(source) for source in (message.text, message.plural) if source]
        wanted = set().union(*(source[0] for source in sources))
        if message.text in DROPPED:
            wanted = set()
        if named != wanted or positional not in [source[1] for source in sources]:
            wrong[f"{place} {message.text!r}"] = text
    assert wrong == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_tags_survive_translation(package):
    tag = re.compile(r"</?[a-z][^>]*>")
    wrong = {
        f"{place} {message.text!r}": translate(message)
        for message, place in messages_of(package).items()
        if Counter(tag.findall(message.text)) != Counter(tag.findall(translate(message)))
        and not any(mark in message.text for mark in DEVELOPER_PAGES)
    }
    assert wrong == {}


def test_browser_scripts_are_chinese():
    catalogue = DjangoTranslation(
        "zh-hans", domain="djangojs", localedirs=[str(folder_of("django.contrib.admin") / "locale")]
    )
    scripts = {
        **script_messages_of(folder_of("django.contrib.admin") / "static"),
        **script_messages_of(folder_of("unfold")),
    }
    assert scripts
    english = {}
    for message, place in scripts.items():
        if message.context:
            shown = catalogue.pgettext(message.context, message.text)
        elif (shown := catalogue.gettext(message.text)) == message.text:
            shown = catalogue.ngettext(message.text, message.text, 2)
        if not CHINESE.search(shown):
            english[place] = message.text
    assert english == {}


def read_po(path: Path) -> dict[str | tuple[str, int], str]:
    """Read the entries of a .po file, keyed as GNUTranslations keys them; the header is left out."""
    entries = {}
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        parts: dict[str, str] = {}
        for line in block.splitlines():
            if line.startswith("#") or not line.strip():
                continue
            if not line.startswith('"'):
                name, line = line.split(" ", 1)
                parts[name] = ""
            parts[name] += ast.literal_eval(line)
        if not parts.get("msgid"):
            continue
        key = f"{parts['msgctxt']}\x04{parts['msgid']}" if "msgctxt" in parts else parts["msgid"]
        if "msgid_plural" in parts:
            entries[key, 0] = parts["msgstr[0]"]
        else:
            entries[key] = parts["msgstr"]
    return entries


@pytest.mark.parametrize("domain", ["django", "djangojs"])
def test_compiled_catalogue_is_the_written_one(domain):
    with (CATALOGUE / f"{domain}.mo").open("rb") as file:
        compiled = {key: text for key, text in gnu.GNUTranslations(file)._catalog.items() if key}
    assert compiled == read_po(CATALOGUE / f"{domain}.po")
    assert CATALOGUE.parents[1] in map(Path, settings.LOCALE_PATHS)


def test_every_entry_is_still_used():
    """A message which a new version has reworded leaves a dead entry here, and English on the page."""
    used = {message for package in PACKAGES for message in messages_of(package)}
    keys = {
        (f"{message.context}\x04" if message.context else "") + message.text: bool(message.plural)
        for message in sorted(used, key=lambda message: bool(message.plural))
    }
    dead = []
    for key in read_po(CATALOGUE / "django.po"):
        text, plural = (key[0], True) if isinstance(key, tuple) else (key, False)
        if text not in COMPUTED and keys.get(text) is not plural:
            dead.append(text)
    assert dead == []


@pytest.mark.parametrize("domain", ["django", "djangojs"])
def test_catalogue_speaks_our_words(domain):
    texts = read_po(CATALOGUE / f"{domain}.po").values()
    wrong = {text: why for text in texts for word, why in UNWANTED.items() if word in text}
    assert wrong == {}


def test_no_library_text_shows_unwanted_words():
    """Also the texts which the libraries translate themselves, for the packages people see most."""
    wrong = {}
    for package in ("unfold", "django.contrib.admin", "django.contrib.auth", "import_export", "simple_history"):
        for message, place in messages_of(package).items():
            for word, why in UNWANTED.items():
                if word in translate(message):
                    wrong[f"{place} {translate(message)}"] = why
    assert wrong == {}
