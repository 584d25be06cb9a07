"""``tocsin check``: report the errors and likely mistakes of the configuration in one run."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tocsin.cli import options
from tocsin.cli.loading import say_excerpt
from tocsin.cli.output import clean, say, say_json

if TYPE_CHECKING:
    from tocsin.conf.bundle import Bundle
    from tocsin.conf.channels import ConfiguredTracker
    from tocsin.conf.source import Problem
    from tocsin.core.playbook.playbook import Playbook

Findings = Sequence[tuple[str, "Problem"]]
"""The problems, each with its level: ``error``, ``warning`` or ``note``."""

_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}


@click.command(epilog=options.example("tocsin check --config config --rules rules --strict --format github"))
@options.configuration
@click.option(
    "--format",
    "fmt",
    type=click.Choice(["text", "github", "json"]),
    default="text",
    show_default=True,
    help="text for people, github for annotations of a pull request, json for programs.",
)
@click.option("--strict", is_flag=True, help="Exit 1 on warnings as well.")
def command(config_dir: Path, rules_dir: Path, fmt: str, *, strict: bool) -> None:
    """Check the configuration and the rules, and report every problem in one run.

    Each problem is printed as file:line:column with a hint. Exits 1 if there is
    an error; with --strict, also if there is a warning. A note names a
    rotation without an on-call person, the end of that gap, and the backup that
    is paged meanwhile.
    """
    bundle, problems, warnings = _load(config_dir, rules_dir)
    findings = [
        *(("error", _here(problem)) for problem in problems),
        *(("warning", _here(warning)) for warning in warnings),
        *(("note", _here(note)) for note in _notes(bundle, config_dir / "people.yaml")),
    ]
    is_good = bundle is not None and not (strict and warnings)
    _FORMATS[fmt](findings, bundle if is_good else None)
    sys.exit(0 if is_good else 1)


def _load(config_dir: Path, rules_dir: Path) -> tuple[Bundle | None, Sequence[Problem], Sequence[Problem]]:
    from tocsin.app.kinds import KINDS
    from tocsin.conf.bundle import load
    from tocsin.conf.source import ConfigError

    try:
        bundle = load(config_dir, rules_dir, KINDS, os.environ, now=time.time_ns() // 1000)
    except ConfigError as error:
        return None, error.problems, error.warnings
    return bundle, (), bundle.warnings


def _notes(bundle: Bundle | None, people: Path) -> list[Problem]:
    """Return a note if all pages of a playbook go to the console, and one for each rotation whose backup is paged now.

    Both may be intended, so they do not fail --strict. A gap without a backup, and a rotation that has not begun yet,
    are warnings.
    """
    from tocsin.conf.settings import CONSOLE
    from tocsin.conf.source import Problem
    from tocsin.core.oncall.gap import uncovered
    from tocsin.core.oncall.rotation import OnCallInput

    if bundle is None:
        return []
    inputs = OnCallInput(time.time_ns() // 1000)
    begun = {
        name: rotation
        for name, rotation in bundle.people.rotations.items()
        if rotation.backup and (rotation.begins_at or 0) <= inputs.now
    }
    notes = [Problem(str(people), 0, 0, text) for text in uncovered(begun, inputs).values()]
    kinds = {channel.name: channel.kind for channel in bundle.channels}
    if names := [name for name, playbook in sorted(bundle.playbooks.items()) if not _reaches(playbook, bundle, kinds)]:
        text = f"pages of {', '.join(names)} reach only the console, which prints where tocsin runs"
        hint = f"to reach people, configure a channel other than {CONSOLE} in tocsin.yaml and use it in their contacts"
        notes.append(Problem(str(people), 0, 0, text, hint))
    return notes


def _reaches(playbook: Playbook, bundle: Bundle, kinds: Mapping[str, str]) -> bool:
    """Return whether a page of the playbook can reach a recipient through a channel other than the console."""
    from tocsin.conf.settings import CONSOLE

    targets = {*playbook.announce, *bundle.settings.self_.targets}
    targets |= {target for level in playbook.levels for cell in level.cells for target in cell.targets}
    people = bundle.people
    names = {name for target in targets for name in people.everybody(target)}
    used = {people.places[name].channel for name in names & people.places.keys()}
    used |= {
        method.contact.channel for name in names & people.persons.keys() for method in people.persons[name].methods
    }
    return any(kinds.get(channel, CONSOLE) != CONSOLE for channel in used)


def _here(problem: Problem) -> Problem:
    """Return a problem with its path relative to the working directory, if the file is below that directory."""
    path, here = Path(problem.path), Path.cwd()
    if not path.is_absolute() or not path.is_relative_to(here):
        return problem
    return replace(problem, path=str(path.relative_to(here)))


def _message_with_hint(problem: Problem) -> str:
    return f"{problem.message}; {problem.hint}" if problem.hint else problem.message


def _as_text(findings: Findings, bundle: Bundle | None) -> None:
    from tocsin.conf.source import Mark

    for level, problem in findings:
        place = Mark(problem.path, problem.line, problem.column)
        style = _STYLES[level]
        say(
            clean(f"{place}: ", "bold"),
            clean("" if level == "error" else f"{level}: ", style),
            _message_with_hint(problem),
        )
        say_excerpt(problem)
    levels = [level for level, _ in findings]
    if bundle is not None:
        say(clean("good", "green"), f": {_summary(bundle)}")
    else:
        warnings = f", {_count(levels.count('warning'), 'warning')}" if "warning" in levels else ""
        say(_count(levels.count("error"), "problem") + warnings, err=True)


def _as_json(findings: Findings, bundle: Bundle | None) -> None:
    del bundle
    say_json([_object(level, problem) for level, problem in findings])


def _object(level: str, problem: Problem) -> Mapping[str, Any]:
    place = {"file": problem.path, "line": problem.line or None, "column": problem.column or None}
    return {"level": level, **place, "message": problem.message, "hint": problem.hint}


def _as_github(findings: Findings, bundle: Bundle | None) -> None:
    """Print workflow commands of GitHub Actions: each command becomes an annotation of a line in the pull request."""
    del bundle
    for level, problem in findings:
        click.echo(
            f"::{'notice' if level == 'note' else level} {_properties(problem)}::{_escaped(_message(problem), also='')}"
        )


def _properties(problem: Problem) -> str:
    """Return the file and line of an annotation; an environment variable has neither."""
    if not problem.line:
        return f"file={_escaped(problem.path)}" if Path(problem.path).exists() else "title=tocsin check"
    return f"file={_escaped(problem.path)},line={problem.line},col={problem.column}"


def _message(problem: Problem) -> str:
    return _message_with_hint(problem) if problem.line else f"{problem.path}: {_message_with_hint(problem)}"


def _escaped(text: str, also: str = ":,") -> str:
    """Percent-encode the characters that would end a command or a property."""
    return "".join(f"%{ord(char):02X}" if char in "%\r\n" + also else char for char in text)


_FORMATS: Mapping[str, Callable[[Findings, Bundle | None], None]] = {
    "text": _as_text,
    "github": _as_github,
    "json": _as_json,
}


def _summary(bundle: Bundle) -> str:
    names = ", ".join(sorted(bundle.playbooks))
    return ", ".join(
        (
            _count(len(bundle.rules.rules), "rule"),
            f"{_count(len(bundle.playbooks), 'playbook')} ({names})",
            _count(len(bundle.people.persons), "person", "people"),
            _count(len(bundle.windows), "maintenance window"),
            f"{_count(len(bundle.channels), 'channel')} ({', '.join(channel.name for channel in bundle.channels)})",
            *([_listed(bundle.trackers)] if bundle.trackers else []),
            _count(len(bundle.tokens), "token"),
            _count(len(bundle.warnings), "warning"),
        )
    )


def _listed(trackers: tuple[ConfiguredTracker, ...]) -> str:
    return f"{_count(len(trackers), 'tracker')} ({', '.join(tracker.name for tracker in trackers)})"


def _count(number: int, singular: str, plural: str = "") -> str:
    return f"{number} {singular if number == 1 else plural or singular + 's'}"
