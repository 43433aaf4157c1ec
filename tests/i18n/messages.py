"""Find the strings which a package hands to gettext, in its Python files, templates and browser scripts.

Reads the installed sources, so that a new version of a package brings its new strings into the tests by itself.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from django.utils.translation.template import templatize

# name → positions of (message, plural, context) among the arguments
CALLS = {
    "gettext": (0, None, None),
    "gettext_lazy": (0, None, None),
    "gettext_noop": (0, None, None),
    "ngettext": (0, 1, None),
    "ngettext_lazy": (0, 1, None),
    "pgettext": (1, None, 0),
    "pgettext_lazy": (1, None, 0),
    "npgettext": (1, 2, 0),
    "npgettext_lazy": (1, 2, 0),
}
TEMPLATE_CALL = re.compile(r"\b(_|gettext|ngettext|pgettext|npgettext)\((?=u?['\"])")
SCRIPT_STRING = r"(['\"])((?:\\.|(?!\{quote}).)*)\{quote}"
SCRIPT_CALL = re.compile(
    r"\b(?:gettext_noop|gettext|ngettext|(?P<context>pgettext))\(\s*"
    + SCRIPT_STRING.format(quote=2)
    + r"(?(context)\s*,\s*"
    + SCRIPT_STRING.format(quote=4)
    + ")",
    re.S,
)


@dataclass(frozen=True)
class Message:
    """One translatable string; `plural` and `context` are None where the call has none."""

    text: str
    plural: str | None = None
    context: str | None = None


def folder_of(package: str) -> Path:
    """Return the folder of an installed package; dotted names are allowed."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise LookupError(f"package {package} is not installed")
    return Path(next(iter(spec.submodule_search_locations)))


def messages_of(package: str) -> dict[Message, str]:
    """Map every constant message of a package to the first place which uses it, as "file:line"."""
    root = folder_of(package)
    found: dict[Message, str] = {}
    for path in sorted(root.rglob("*.py")) + sorted(root.rglob("templates/**/*.*")):
        reader = {".py": from_python, ".html": from_template, ".txt": from_template}.get(path.suffix)
        if reader is None:
            continue
        for line, message in reader(path.read_text(encoding="utf-8")):
            found.setdefault(message, f"{path.relative_to(root.parent)}:{line}")
    return found


def from_python(source: str) -> Iterator[tuple[int, Message]]:
    """Yield (line, message) of the gettext calls in Python code, under whatever name the module imports them."""
    tree = ast.parse(source)
    names = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
        if alias.name in CALLS
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name):
            call = names.get(node.func.id)
        else:
            call = node.func.attr if isinstance(node.func, ast.Attribute) and node.func.attr in CALLS else None
        message = call and from_arguments(call, node.args)
        if message:
            yield node.lineno, message


def from_template(source: str) -> Iterator[tuple[int, Message]]:
    """Yield (line, message) of the translate and blocktranslate tags and `_()` constants of a template."""
    code = templatize(source)
    for match in TEMPLATE_CALL.finditer(code):
        call = first_expression(code[match.start() : match.start() + 4000])
        message = from_arguments(call.func.id.replace("_", "gettext"), call.args)
        if message:
            yield code.count("\n", 0, match.start()) + 1, message


def first_expression(code: str) -> ast.Call:
    """Parse the shortest call at the start of `code`; templatize leaves prose behind it."""
    for end in (position + 1 for position, sign in enumerate(code) if sign == ")"):
        try:
            return ast.parse(code[:end].strip(), mode="eval").body
        except SyntaxError:
            continue
    raise ValueError(f"no complete call: {code[:80]}")


def from_arguments(call: str, arguments: list[ast.expr]) -> Message | None:
    """Build the message of one call; None if it is computed at run time or empty."""
    values = [
        node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None for node in arguments
    ]
    picked = [values[at] if at is not None and at < len(values) else None for at in CALLS[call]]
    return Message(*picked) if picked[0] else None


def script_messages_of(folder: Path) -> dict[Message, str]:
    """Map the messages of the browser scripts below a folder to "file:line"; minified and vendor files are skipped."""
    found: dict[Message, str] = {}
    for path in sorted(folder.rglob("*.js")):
        if "vendor" in path.parts or path.name.endswith(".min.js"):
            continue
        source = path.read_text(encoding="utf-8")
        for match in SCRIPT_CALL.finditer(source):
            message = (
                Message(unquoted(match[5]), context=unquoted(match[3])) if match[1] else Message(unquoted(match[3]))
            )
            found.setdefault(message, f"{path.name}:{source.count(chr(10), 0, match.start()) + 1}")
    return found


def unquoted(script_string: str) -> str:
    """Resolve the escapes of a JavaScript string, which for these texts are those of Python."""
    return ast.literal_eval(f'"""{script_string}"""')
