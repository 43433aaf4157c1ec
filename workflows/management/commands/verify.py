"""Hold the stored data against the invariants: one line per fault, exit 1 if there is any. Reads only; for every night and every drill."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from workflows import checks


class Command(BaseCommand):
    """`manage.py verify [CODE …] [--json] [--list] [--limit N]`."""

    help = "核验数据：状态与审核记录一致、每一步由有权的人办理、导入逐行有数、文件齐全、日志不含证件号。有问题时逐行列出，退出码为 1。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "codes", nargs="*", metavar="CODE", help="只做这些核验（代码或其开头，例如 review）；不写则全部"
        )
        parser.add_argument("--json", action="store_true", help="以 JSON 输出，供监控程序读取")
        parser.add_argument("--list", action="store_true", help="列出全部核验项目")
        parser.add_argument("--limit", type=int, default=1000, help="每项最多列出多少条（默认 1000），总数照常统计")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["list"]:
            for one in checks.registered():
                self.stdout.write(f"{one.code}  {one.title}")
            return
        findings = []
        for finding in checks.run(options["codes"], options["limit"]):
            findings.append(finding)
            if not options["json"]:
                self._tell(finding, options["verbosity"])
        total = sum(finding.count for finding in findings)
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(findings, total), ensure_ascii=False, indent=2))
        elif total:
            self.stdout.write(f"共 {total} 处问题，{len(findings)} 项核验。")
        else:
            self.stdout.write(f"全部 {len(findings)} 项核验通过。")
        if total:
            raise SystemExit(1)

    def _tell(self, finding: checks.Finding, verbosity: int) -> None:
        for fault in finding.faults:
            self.stdout.write(f"{finding.check.code}：{fault.where}：{fault.sentence}")
        if finding.count > len(finding.faults):
            self.stdout.write(f"{finding.check.code}：另有 {finding.count - len(finding.faults)} 处同类问题未列出。")
        if verbosity > 1:
            self.stdout.write(f"{finding.check.code}  {finding.check.title}：{finding.count} 处，{finding.seconds} 秒")


def _as_json(findings: list[checks.Finding], total: int) -> dict[str, Any]:
    return {
        "ok": total == 0,
        "faults": total,
        "checks": [
            {
                "code": finding.check.code,
                "title": finding.check.title,
                "count": finding.count,
                "seconds": finding.seconds,
                "faults": [{"where": fault.where, "sentence": fault.sentence} for fault in finding.faults],
            }
            for finding in findings
        ],
    }
