"""G4: what is backed up comes back as it was; what is not whole, not ours or not wanted here is refused, and changes nothing."""

from __future__ import annotations

import os
import stat
import tarfile
import threading
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from models.audit.models import Action, AuditEntry
from models.backups import archive, engines, services
from models.backups.errors import BackupError
from models.backups.services import keep_newest, restore, take

pytestmark = pytest.mark.django_db

KEY = "openssl enc {} -aes-256-cbc -pbkdf2 -pass pass:of-this-test"


@pytest.fixture
def taken(place, tmp_path):
    with place.at_work():
        return take(place.database, tmp_path / "backups").path


def into(target, path, **options):
    with target.at_work():
        return restore(target.database, path, **options)


def refused(target, path, sentence, **options):
    """It is refused with the sentence, and the place is what it was."""
    before = engines.contents(target.database), target.files()
    with pytest.raises(BackupError) as caught:
        into(target, path, **options)
    assert sentence in caught.value.sentence
    assert (engines.contents(target.database), target.files()) == before
    assert target.left_over() == []


def test_everything_comes_back_as_it_was(place, taken, new_place):
    target = new_place()
    manifest, aside = into(target, taken)
    assert aside is None
    assert engines.contents(target.database) == engines.contents(place.database) == manifest["tables"]
    assert target.run("SELECT id, name, score FROM pupil ORDER BY id") == [
        (1, "王一", pytest.approx(1.1)),
        (2, "'; DROP", None),
    ]
    assert target.files() == place.files() != {}
    target.run("INSERT INTO pupil (name) VALUES ('第三')")
    assert target.run("SELECT max(id) FROM pupil") == [(3,)], "counting goes on where it was"
    with pytest.raises(Exception, match=r"(?i)unique"):
        target.run("INSERT INTO pupil (name) VALUES ('第三')")
    assert place.left_over() == target.left_over() == []


def test_it_is_for_its_owner_only_and_holds_no_key(taken, settings):
    assert stat.S_IMODE(taken.stat().st_mode) == 0o600
    assert stat.S_IMODE(taken.parent.stat().st_mode) == 0o700
    assert settings.SECRET_KEY.encode() not in taken.read_bytes()


def test_a_place_with_data_is_left_alone_unless_forced(place, taken):
    refused(place, taken, "这里已经有数据")
    place.run("DELETE FROM mark")
    place.run("CREATE TABLE later (id bigint)")
    (place.data / "files" / "jobs" / "b.xlsx").write_bytes(b"newer")
    _manifest, aside = into(place, taken, force=True)
    assert place.run("SELECT count(*) FROM mark") == [(3,)]
    assert "later" not in engines.contents(place.database)
    assert place.files()["jobs/b.xlsx"] == bytes(9000)
    assert (aside / "jobs" / "b.xlsx").read_bytes() == b"newer", "what was there is set aside, not lost"


def test_files_alone_make_a_place_not_empty(taken, new_place):
    target = new_place()
    (target.data / "files").mkdir()
    (target.data / "files" / "x.pdf").write_bytes(b"x")
    refused(target, taken, "这里已经有数据")


def member_at(path, name):
    with tarfile.open(path) as tar:
        return tar.getmember(name)


@pytest.mark.parametrize(
    "name", ["database", "files/evidence/2026/11/a.pdf", "files/jobs/b.xlsx", "manifest.json", "signature"]
)
def test_one_flipped_byte_is_refused(taken, new_place, name):
    content, member = bytearray(taken.read_bytes()), member_at(taken, name)
    content[member.offset_data + member.size // 2] ^= 1
    taken.write_bytes(content)
    refused(new_place(), taken, "没有恢复")


def test_one_cut_off_is_refused_wherever_it_is_cut(place, taken, new_place):
    content, target = taken.read_bytes(), new_place()
    ends = [member_at(taken, name) for name in ("database", "files/jobs/b.xlsx", "manifest.json", "signature")]
    cuts = [0, 100, 600] + [at for one in ends for at in (one.offset_data, one.offset_data + one.size // 2)]
    for cut in cuts:
        taken.write_bytes(content[:cut])
        refused(target, taken, "没有恢复")
    taken.write_bytes(content)
    into(target, taken)  # control: whole again it is taken


def made_up(path, members, *, signed=True, change=None):
    """An archive as somebody with the key would put it together: sound but for what the test is about."""
    with path.open("wb") as out:
        writer = archive.Writer(out)
        for name, content in members.items():
            source = path.with_suffix(".part")
            source.write_bytes(content)
            writer.add(name, source)
        facts = {"made_at": "", "engine": connection.vendor, "server": "", "migrations": [], "tables": {}}
        writer.finish({**facts, **(change or {})})
    return path


@pytest.mark.parametrize("name", ["files/../../evil", "/etc/evil", "files//x", "files/", "evil", "files/./x"])
def test_no_name_leads_out_of_the_folder(tmp_path, new_place, name):
    refused(new_place(), made_up(tmp_path / "a.tar", {"database": b"x", name: b"evil"}), "不是本系统的备份")
    assert not list(tmp_path.rglob("evil"))


def test_no_link_is_followed(tmp_path, new_place):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        link = tarfile.TarInfo("files/x")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    refused(new_place(), tmp_path / "a.tar", "不是本系统的备份")


@pytest.mark.parametrize("content", [b"", b"no archive at all", b"PK\x03\x04" + bytes(2000), bytes(20000)])
def test_another_file_is_refused(tmp_path, new_place, content):
    (tmp_path / "a.tar").write_bytes(content)
    refused(new_place(), tmp_path / "a.tar", "没有恢复")


def test_another_engine_and_a_newer_version_are_refused(tmp_path, new_place):
    other = "sqlite" if connection.vendor == "postgresql" else "postgresql"
    refused(new_place(), made_up(tmp_path / "a.tar", {"database": b"x"}, change={"engine": other}), "DATABASE_URL")
    newer = {"migrations": ["audit.9999_later"]}
    refused(new_place(), made_up(tmp_path / "b.tar", {"database": b"x"}, change=newer), "先升级程序")


def test_a_database_that_cannot_be_read_leaves_everything_as_it_was(tmp_path, place):
    """The archive is sound; what lies in it is not. Files that had been put in place go back."""
    refused(place, made_up(tmp_path / "a.tar", {"database": b"x" * 5000, "files/new": b"n"}), "没有恢复", force=True)


def test_of_another_key_only_when_asked(taken, new_place, settings):
    settings.SECRET_KEY = "another-key"
    refused(new_place(), taken, "SECRET_KEY")
    into(new_place(), taken, any_key=True)
    settings.SECRET_KEY_FALLBACKS = ["only-for-tests"]
    into(new_place(), taken)


def test_encrypted_it_shows_nothing_and_comes_back(place, tmp_path, new_place):
    with place.at_work():
        path = take(place.database, tmp_path / "backups", encrypt=KEY.format("-e")).path
    assert path.name.endswith(".tar.enc")
    assert b"manifest.json" not in path.read_bytes()
    target = new_place()
    refused(target, path, "--decrypt")
    refused(target, path, "解密没有成功", decrypt=KEY.format("-d") + "-another")
    into(target, path, decrypt=KEY.format("-d"))
    assert engines.contents(target.database) == engines.contents(place.database)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("false", "加密没有成功"),
        ("head -c 10", "加密没有成功"),
        ("no-such-program", "没有找到程序 no-such-program"),
        ("gpg '", "引号"),
    ],
)
def test_encryption_that_fails_leaves_no_archive(place, tmp_path, command, sentence):
    """`head` ends well without having read everything: half an archive."""
    (place.data / "files" / "large.pdf").write_bytes(os.urandom(500_000))
    with place.at_work(), pytest.raises(BackupError) as caught:
        take(place.database, tmp_path / "backups", encrypt=command)
    assert sentence in caught.value.sentence
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_a_sentence(place, tmp_path):
    (tmp_path / "file").write_text("")
    with place.at_work(), pytest.raises(BackupError, match="磁盘空间和权限"):
        take(place.database, tmp_path / "file")
    assert place.left_over() == []


def test_what_a_row_of_the_copy_names_is_in_the_archive(place, tmp_path, monkeypatch):
    """Of one moment: a file removed after the snapshot is still there, one written just before it too; half-written ones are not."""
    root, real = place.data / "files", engines.take

    def while_people_work(*args):
        (root / "jobs" / "written-meanwhile.pdf").write_bytes(b"new")
        (root / "jobs" / ".half.pdf.part").write_bytes(b"ha")
        found = real(*args)
        (root / "jobs" / "b.xlsx").unlink()
        return found

    monkeypatch.setattr(engines, "take", while_people_work)
    with place.at_work():
        path = take(place.database, tmp_path / "backups").path
    with tarfile.open(path) as tar:
        names = {name.removeprefix("files/") for name in tar.getnames()}
    assert {"jobs/b.xlsx", "jobs/written-meanwhile.pdf"} <= names
    assert not [name for name in names if name.endswith(".part")]


def test_the_database_is_copied_as_of_one_moment_while_others_write(place, tmp_path, new_place):
    """A writer moves marks from one pupil to the other, one by one; their sum is the same in every copy."""
    place.run("INSERT INTO mark (pupil) SELECT 1 FROM (SELECT 1 UNION ALL SELECT 1 UNION ALL SELECT 1) three")
    end = threading.Event()
    writer = place.database.copy()
    writer.inc_thread_sharing()

    def write():
        while not end.is_set():
            with writer.cursor() as cursor:
                cursor.execute("UPDATE mark SET pupil = 3 - pupil")
        writer.close()

    with place.at_work():
        place.database.close()
        thread = threading.Thread(target=write)
        thread.start()
        try:
            path = take(place.database, tmp_path / "backups").path
        finally:
            end.set()
            thread.join()
    target = new_place()
    manifest, _aside = into(target, path)
    assert manifest["tables"]["mark"][0] == 6
    assert sorted(target.run("SELECT pupil, count(*) FROM mark GROUP BY pupil"))[0][1] in (1, 5), (
        "rows of two moments are mixed"
    )


def test_only_the_newest_are_kept(tmp_path):
    names = [f"qihang-202611{day}-030000.tar{end}" for day, end in ((19, ""), (20, ".enc"), (21, ""), (22, ".enc"))]
    for name in [*names, "other.tar"]:
        (tmp_path / name).write_bytes(b"x")
    assert keep_newest(tmp_path, 2) == [names[1], names[0]]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.tar", *names[2:]]


class TestCommand:
    """What the administrator types."""

    def test_says_what_it_did_leaves_a_row_and_needs_a_folder(self, monkeypatch, tmp_path, settings):
        monkeypatch.setattr(
            "models.backups.management.commands.backup.take",
            lambda database, folder, encrypt: services.Taken(folder / "qihang-1.tar", 12, 3),
        )
        said = StringIO()
        call_command("backup", tmp_path, stdout=said)
        assert "12 行数据，3 个文件" in said.getvalue()
        assert "没有加密" in said.getvalue()
        assert [entry.detail for entry in AuditEntry.unscoped.filter(action=Action.BACKUP)] == [
            {"file": "qihang-1.tar", "rows": 12, "files": 3}
        ]
        settings.BACKUP_DIR = ""
        with pytest.raises(CommandError, match="BACKUP_DIR"):
            call_command("backup")

    def test_a_refusal_is_a_sentence(self, tmp_path):
        with pytest.raises(CommandError, match="这里已经有数据"):
            call_command("restore", tmp_path / "none.tar")
        with pytest.raises(CommandError, match=r"none\.tar"):
            call_command("restore", tmp_path / "none.tar", force=True)
