"""Other programs at work: the engine's own tools, and the filter that encrypts."""

from __future__ import annotations

import contextlib
import os
import subprocess  # nosec B404
import tempfile
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from models.backups.errors import BackupError


class Program:
    """A program that was started; it has ended when the `with` block is left, killed if an error left the block."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None, *, hint: str = "", **pipes: Any
    ) -> None:
        """`hint` tells what to install where the program is not there. Other arguments are those of Popen."""
        self.name = command[0]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__; a pipe nobody reads would stop the program
        try:
            self._process = subprocess.Popen(
                list(command), env={**os.environ, **(environment or {})}, stderr=self._errors, **pipes
            )  # nosec B603
        except OSError as error:
            self._errors.close()
            raise BackupError(f"没有找到程序 {self.name}，或者不能运行它。{hint}") from error
        self.stdin: Any = self._process.stdin
        self.stdout: Any = self._process.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and self._process.poll() is None:
            self._process.kill()
        for pipe in (self.stdin, self.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        self._process.wait()
        self._errors.close()

    def fault(self) -> str:
        """Wait for the end; empty if it went well, else the program and its first words (English, for the administrator)."""
        if self._process.wait() == 0:
            return ""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f"{self.name}：{lines[0] if lines else f'退出码 {self._process.returncode}'}"
