"""Executable documentation: a page's files are written and its commands run as printed.

A block of a page is one of these:

- a file: its first line is ``# config/people.yaml``, or ``# add to config/people.yaml``;
- ``console``: commands behind ``$``, each followed by what it prints; ``...`` stands for any lines. A command without
  output has to succeed. ``tocsin serve`` and ``make run`` go on in the background;
- ``sh``: commands whose output is not shown;
- ``text``: what the daemon in the background prints;
- a drawing.

Times, durations and ids need not be the same. ``TOCSIN_E2E_WRITE=1`` writes what is printed into the page.
"""

import asyncio
import os
import re
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from e2e import machine
from e2e.processes import Process, free_port, until

ROOT = Path(__file__).parents[2]
IS_WRITING = os.environ.get("TOCSIN_E2E_WRITE") == "1"

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (add to )?(\S+\.\w+)\n")
COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*\n)((?:(?!\$ ).*\n)*)", re.MULTILINE)
SERVES = re.compile(r"(?:(?:\S*/)?tocsin serve|make run)\b")
IS_EXACT = re.compile(r"tocsin (?:init|check|test|simulate|playbooks)\b")
"""Commands whose output does not depend on the moment."""

_ON_ITS_WAY = r"^page to .*: (?:pending|claimed)\n"
"""Output of a drill that looks before the page has left."""
_MOMENTARY = (
    (_ON_ITS_WAY, ""),
    (r"\b(?:taylor|jamie)\b", "alex"),  # who is on call depends on the week
    (r"\b(?:Taylor|Jamie) Example\b", "Alex Example"),
    (r"\bRiley Example\b", "Morgan Example"),
    (r"(rules/\d\d-\w+\.yaml):\d+", r"\1"),  # a comment in a shipped file changes no page
    (r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?=\d{4}-)", ""),
    (r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?", "<time>"),
    (r"\b\d\d:\d\d(?::\d\d)?\b", "<time>"),
    (r"\b\d+(?:\.\d+)? (?:ms|s|min|h|d)\b(?: \d+ (?:s|min|h)\b)?", "<duration>"),
    (r"\b[0-9a-f]{8,64}\b", "<id>"),
    # The page acknowledges as alex, who is on call in every other week.
    (r"Acknowledged by alex at <time> UTC\. You do not need to respond now\.", "You have acknowledged it."),
    (r" {2,}", "  "),  # columns are as wide as what stands in them
)


@dataclass(frozen=True)
class Block:
    """One block of a page; ``start`` is where its text begins in the page."""

    language: str
    text: str
    start: int


def blocks(page: str, section: str = "") -> list[Block]:
    """Return the blocks of a page, or of the section with this heading."""
    begin, end = 0, len(page)
    if section:
        begin = page.index(f"\n## {section}\n")
        end = page.index("\n## ", begin + 1)
    return [Block(found[1], found[2], found.start(2)) for found in FENCE.finditer(page, begin, end)]


def steps(block: Block) -> Iterator[tuple[str, str, int]]:
    """Yield the commands of a block, each with its output and where that stands in the page."""
    if block.language == "sh":
        yield from ((line, "", 0) for line in block.text.splitlines())
        return
    assert block.text.startswith("$ "), block.text
    for found in COMMAND.finditer(block.text):
        yield found[1].removesuffix("\n"), found[2], block.start + found.start(2)


def same(shown: str, printed: str, *, is_exact: bool = False) -> bool:
    """Compare the output in a page with the one that was printed."""
    lines = plain(shown, is_exact=is_exact).splitlines()
    pattern = "".join(r"(?:.*\n)*?" if line == "..." else re.escape(line) + r"\n" for line in lines)
    return re.fullmatch(pattern, plain(printed, is_exact=is_exact)) is not None


def plain(text: str, *, is_exact: bool = False) -> str:
    """Return text without trailing space and, unless it ``is_exact``, without what depends on the moment."""
    text = re.sub(r" in \d+\.\d+ s$", " in <duration>", text, flags=re.MULTILINE)
    text = re.sub(r" +$", "", text, flags=re.MULTILINE)
    for pattern, replacement in () if is_exact else _MOMENTARY:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text


class Walk:
    """One page, or one section of it, that is typed in the empty folder ``here``."""

    def __init__(
        self,
        page: str,
        folder: Path,
        *,
        section: str = "",
        replaced: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        meanwhile: Mapping[str, Callable[[], Awaitable[None]]] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """``folder`` gets what the folder ``here`` must not have.

        ``replaced``: what is called otherwise on this machine than in the page. ``secrets``: what is pasted, by the
        name of its file. ``meanwhile``: what happens elsewhere before a command, by that command.
        """
        self.path = ROOT / page
        self.folder = folder
        self.here = folder / "here"
        self.here.mkdir(exist_ok=True)
        address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{address}"
        self.replaced = {"127.0.0.1:9099": address, "/home/alex/oncall": str(self.here), **(replaced or {})}
        self._section = section
        self._secrets = secrets or {}
        self._meanwhile = dict(meanwhile or {})
        self._edits: list[tuple[int, int, str]] = []
        self._daemon: Process | None = None
        self._environ = machine.install(
            folder,
            MACHINE_PORT=address.partition(":")[2],
            TOCSIN_URL=self.url,
            TOCSIN_LISTEN=address,
            TOCSIN_LOG_FORMAT="json",
            USER="alex",
            **(environ or {}),
        )

    @property
    def output(self) -> str:
        """Return the output of the daemon, without its log."""
        lines = self._daemon.output.splitlines(keepends=True) if self._daemon else []
        return "".join(line for line in lines if not line.startswith("{"))

    async def to_the_end(self) -> None:
        """Type all of it."""
        page = self.path.read_text()
        try:
            for block in blocks(page, self._section):
                await self._take(block)
        finally:
            if self._daemon is not None:
                await self._daemon.stop()
            machine.clean_up(self.folder)
        assert not self._meanwhile, f"never typed: {list(self._meanwhile)}"
        if self._edits:
            for start, end, text in sorted(self._edits, reverse=True):
                page = page[:start] + text + page[end:]
            self.path.write_text(page)

    def enter(self, command: str) -> tuple[int, str]:
        """Run a command in the folder: (exit code, what it printed, as the page would show it)."""
        done = subprocess.run(
            ["bash", "-c", self._script(command)],
            cwd=self.here,
            env=self._environ,
            input=next((secret for name, secret in self._secrets.items() if f"/{name})" in command), ""),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        return done.returncode, self._as_shown(done.stdout)

    async def _take(self, block: Block) -> None:
        if file := FILE.match(block.text):
            path = self.here / self._here(file[2])
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a" if file[1] else "w") as opened:
                opened.write(self._here(block.text))
        elif block.language == "text":
            await self._expect(block)
        elif block.language in ("console", "sh"):
            for command, shown, at in steps(block):
                await self._type(command, shown, at)
        else:
            assert "──" in block.text, f"{self.path}: a block that is neither file nor command:\n{block.text}"

    async def _type(self, command: str, shown: str, at: int) -> None:
        if event := self._meanwhile.pop(command, None):
            await event()
        if SERVES.match(command):
            await self._serve(command)
            return
        code, printed = await asyncio.to_thread(self.enter, command)
        if not shown:
            assert code == 0, f"{self.path}: {command}\n{printed}\n{self.output}"
        elif not same(shown, printed, is_exact=IS_EXACT.match(command) is not None):
            self._differs(at, shown, printed, command)

    async def _serve(self, command: str) -> None:
        if command == "make run":
            (command,) = re.findall(r"exec \$\(BIN\)/(tocsin serve .*)", (ROOT / "Makefile").read_text())
        self._daemon = Process("serve", ["bash", "-c", self._script(f"exec {command}")], self.here, self._environ)
        self._daemon.output_path = self.folder / "serve.log"
        self._daemon.ready_url = f"{self.url}/-/ready"
        self._daemon.start()
        await self._daemon.ready()

    async def _expect(self, block: Block) -> None:
        """Wait until the daemon has printed a block."""
        try:
            await until(lambda: plain(block.text) in plain(self.output), 20, "the daemon prints it")
        except TimeoutError:
            first, *others = block.text.splitlines()
            lines = self.output.splitlines(keepends=True)
            begins = next((n for n, line in enumerate(lines) if plain(line).startswith(plain(first))), 0)
            self._differs(block.start, block.text, "".join(lines[begins : begins + 1 + len(others)]), "the daemon")

    def _differs(self, at: int, shown: str, printed: str, by: str) -> None:
        if not IS_WRITING or "\n...\n" in f"\n{shown}":
            raise AssertionError(f"{self.path}: {by}\n--- the page shows\n{shown}--- printed was\n{printed}")
        tidy = re.sub(rf" +$|{_ON_ITS_WAY}", "", printed, flags=re.MULTILINE)
        self._edits.append((at, at + len(shown), tidy))

    def _script(self, command: str) -> str:
        """Return a script that runs a command, and keeps what it exports and where it goes for the next one."""
        kept = self.folder / "exported"
        kept.touch()
        return f'. {kept}\ncd "$PWD"\nset -o pipefail\n{self._here(command)}\ncode=$?\nexport -p >{kept}\nexit $code'

    def _here(self, text: str) -> str:
        """Return text of the page as it has to be on this machine."""
        for shown, local in self.replaced.items():
            text = text.replace(shown, local)
        return text

    def _as_shown(self, text: str) -> str:
        """Return what was printed on this machine with the addresses and paths of the page."""
        for shown, local in self.replaced.items():
            if local.startswith(("/", "127.0.0.1:")):
                text = text.replace(local, shown)
        return text
