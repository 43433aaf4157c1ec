"""docs/CHAINS.md says what the declarations say."""

from django.core.management import ManagementUtility

from workflows.management.commands.chains import document, path


def test_the_document_is_fresh():
    assert path().read_text(encoding="utf-8") == document(), "run `manage.py chains`"


def test_it_names_every_move_of_the_first_matter():
    text = document()
    for edge in (
        "| 未提交 | 提交审核 | 辅导员待审 | 本人 |",
        "| 学校待审 | 通过 | 省级待审 | 学校 |",
        "| 省级待审 | 通过 | 审核通过 | 规则全部通过时自动，否则省级 |",
        "| 审核通过 | 退回修改 | 退回修改 | 学校 |",
    ):
        assert edge in text
    assert "R04" in text


def test_the_document_can_be_printed(capsys):
    main = ManagementUtility(["manage.py", "chains", "--stdout"])
    main.execute()
    assert capsys.readouterr().out == document()
