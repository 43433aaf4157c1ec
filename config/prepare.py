"""python -m config.prepare: make the database and the static files ready for this version of the code. Second time: seconds.

Only does what is missing: migrations that are pending, code tables that changed, demo data when DEMO is set and the database holds
nobody yet, static files when any of them changed. One process, so that Django starts once.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command


def main() -> None:
    """All four steps, saying what is done."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")
    django.setup()
    migrated = migrate()
    load_codes(anyway=migrated)
    if settings.DEMO:
        demo()
    if not settings.DEBUG:
        collect_static()


def say(text: str) -> None:
    """One line on standard output, at once."""
    print(f"· {text}", flush=True)


def migrate() -> bool:
    """Apply pending migrations; True if there were any."""
    from config.health import migrations

    if not migrations():
        return False
    say("建立或升级数据库 …")
    call_command("migrate", interactive=False, verbosity=0, skip_checks=True)
    return True


def load_codes(*, anyway: bool) -> None:
    """Load the code tables when the database is new or a table file has changed since it was loaded here."""
    seen = Stamp("codes", sorted((settings.BASE_DIR / "fixtures" / "codes").glob("*")))
    if anyway or seen.outdated():
        say("载入系统代码 …")
        call_command("load_codes", verbosity=0)
        seen.keep()


def demo() -> None:
    """Fill an empty database with the fictional province."""
    from django.contrib.auth import get_user_model

    if not get_user_model()._default_manager.exists():
        say("生成演示数据（虚构的学校和学生，需要一会儿） …")
        call_command("demo")


def collect_static() -> None:
    """Collect and compress the static files when one was added, removed or changed."""
    from django.contrib.staticfiles.finders import get_finders

    found = (Path(store.path(name)) for finder in get_finders() for name, store in finder.list([]))
    seen = Stamp("static", sorted(found))
    if seen.outdated() or not (Path(settings.STATIC_ROOT) / "staticfiles.json").exists():
        say("收集静态文件 …")
        call_command("collectstatic", interactive=False, verbosity=0)
        seen.keep()


class Stamp:
    """Remembers in DATA_DIR what a set of files looked like; per database where the files end up in one."""

    def __init__(self, name: str, files: list[Path]) -> None:
        database = settings.DATABASES["default"]
        where = hashlib.sha256(f"{database['HOST']} {database['PORT']} {database['NAME']}".encode()).hexdigest()[:12]
        self.path = Path(settings.DATA_DIR) / "stamps" / f"{name}-{where}"
        state = "\n".join(f"{file} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files)
        self.state = hashlib.sha256(state.encode()).hexdigest()

    def outdated(self) -> bool:
        """Whether the files differ from what was kept."""
        return not self.path.exists() or self.path.read_text() != self.state

    def keep(self) -> None:
        """Remember the files as they are."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(self.state)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    main()
