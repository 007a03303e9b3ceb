"""Runs a tutorial as its reader would: the shell blocks of a page, in order, with what they are said to show.

A comment right before a block says how it is meant:

- ``not run: why``: left out;
- ``own terminal: NAME``: runs beside the others until it ends or is stopped;
- ``repeat until: NAME``: is repeated, failing or not, until terminal NAME has shown something;
- ``stop: NAME``: terminal NAME gets Ctrl-C first;
- ``shown by: NAME``: before a ``text`` block: NAME shows this sooner or later.

A ``text`` block without a comment is what the block before it printed. ``...`` stands for any text.
"""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

__all__ = ("Block", "Reader", "blocks")

BLOCK = re.compile(
    r"(?:^<!-- (?P<word>[\w ]+): (?P<what>[^\n]*?) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
PATIENCE_S = 90.0


@dataclass(frozen=True, slots=True)
class Block:
    """``word`` and ``what`` are those of the comment before it, empty without one."""

    language: str
    text: str
    word: str
    what: str


def blocks(page: str) -> list[Block]:
    """Give a page's fenced blocks in order."""
    return [
        Block(found["language"], found["text"], found["word"] or "", found["what"] or "")
        for found in BLOCK.finditer(page)
    ]


def shows(expected: str, output: str) -> bool:
    """Tell whether the expected lines come in the output, one after the other."""
    pattern = r".*?".join(re.escape(piece) for piece in expected.strip().split("..."))
    return re.search(pattern, output, re.DOTALL) is not None


class Terminal:
    """A process that runs beside the others, with its output in a file. A ``fed`` one takes what is typed."""

    def __init__(
        self, folder: Path, name: str, command: list[str], env: dict[str, str], *, fed: bool = False
    ) -> None:
        self.file = folder / f"{name}.out"
        with self.file.open("wb") as out:
            self.process = subprocess.Popen(
                command, cwd=folder, env=env, stdin=subprocess.PIPE if fed else subprocess.DEVNULL,
                stdout=out, stderr=subprocess.STDOUT, start_new_session=True, text=True,
            )  # fmt: skip

    @property
    def output(self) -> str:
        return self.file.read_text(encoding="utf-8")

    def type(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def wait_for(self, expected: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not shows(expected, self.output):
            failed = self.process.poll() not in (None, 0)
            if failed or time.monotonic() > deadline:
                raise AssertionError(f"expected:\n{expected}\nshown:\n{self.output}")
            time.sleep(0.1)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Reader:
    """Follows a page in a folder. ``ports`` maps the port numbers of the page to those to use instead."""

    def __init__(self, folder: Path, ports: dict[str, str]) -> None:
        self.folder = folder
        self.terminals: dict[str, Terminal] = {}
        self._ports = ports
        path = f"{self._tools()}{os.pathsep}{os.environ['PATH']}"
        self._env = {**os.environ, "PATH": path, "TERM": "dumb"}
        self._shell = Terminal(folder, "shell", ["bash", "-eu"], self._env, fed=True)
        self._done = 0
        self._last = ""

    def _tools(self) -> Path:
        """Make `s4` from the sources under test."""
        tools = self.folder / ".tools"
        tools.mkdir()
        s4 = tools / "s4"
        s4.write_text(
            f'#!/bin/sh\nexec "{sys.executable}" -c "from s4allcities.cli import main; main()" "$@"\n'
        )
        s4.chmod(0o755)
        return tools

    def _here(self, text: str) -> str:
        for written, used in self._ports.items():
            text = re.sub(rf"\b{written}\b", used, text)
        return text

    def follow(self, page: str) -> None:
        """Do all of it. An AssertionError says what did not come out as written."""
        for block in blocks(page):
            text = self._here(block.text)
            if block.language == "text":
                self._expect(block, text)
            elif block.language == "sh":
                self._do(block, text)

    def _expect(self, block: Block, text: str) -> None:
        if block.word == "shown by":
            self.terminals[block.what].wait_for(text)
        else:
            assert shows(text, self._last), f"expected:\n{text}\nshown:\n{self._last}"

    def _do(self, block: Block, text: str) -> None:
        match block.word:
            case "not run":
                return
            case "own terminal":
                command = ["bash", "-c", f"exec {text.strip()}"]
                self.terminals[block.what] = Terminal(self.folder, block.what, command, self._env)
                return
            case "repeat until":
                self._repeat(self.terminals[block.what], text)
                return
            case "stop":
                self.terminals[block.what].stop()
            case other:
                assert not other, f"the comment {other!r} before a block is unknown"
        self._run(text)

    def _repeat(self, terminal: Terminal, text: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not terminal.output:
            assert time.monotonic() < deadline, f"nothing was shown after:\n{text}"
            self._run(f"if ! {{\n{text}\n}}; then echo 'not yet'; fi")
            time.sleep(0.5)

    def _run(self, text: str) -> None:
        """Type a block into the reader's shell and wait until it is through; the shell ends where a command fails."""
        self._done += 1
        before, mark = len(self._shell.output), f"[block {self._done} is through]"
        self._shell.type(f"{{\n{text}\n}} </dev/null\necho '{mark}'\n")
        self._shell.wait_for(mark)
        self._last = self._shell.output[before:].replace(mark, "")

    def close(self) -> None:
        """Stop what still runs."""
        for terminal in (*self.terminals.values(), self._shell):
            terminal.stop()
            if terminal.process.stdin is not None:
                terminal.process.stdin.close()
