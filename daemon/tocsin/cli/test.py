"""``tocsin test``: run tests of rules and escalation through the real engine on a virtual clock."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tocsin.cli import options
from tocsin.cli.loading import loaded, progress, refuse
from tocsin.cli.output import clean, say, say_json

if TYPE_CHECKING:
    from tocsin.conf.bundle import Bundle
    from tocsin.testing.case_runner import CaseResult, Failure
    from tocsin.testing.cases import Case

STYLES = {"-": "red", "+": "green", " ": "dim"}


@click.command(
    epilog=options.example(
        "tocsin test",
        "tocsin test rules/tests/base.yaml --filter SEV-1",
    )
)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@options.configuration
@click.option("--filter", "wanted", default="", metavar="TEXT", help="Only run tests whose name contains this.")
@options.as_json
def command(files: tuple[Path, ...], config_dir: Path, rules_dir: Path, *, wanted: str, as_json: bool) -> None:
    """Run tests of rules and escalation.

    FILES are YAML files with tests; the default is every file in tests/ of the
    rules directory. A test fires alerts on a virtual clock and states what is
    expected: severity, dedup key, suppression, and who is paged when. Exits 1
    if a test fails. rules/README.md describes the format.
    """
    import asyncio

    from tocsin.conf.source import ConfigError
    from tocsin.testing.case_runner import quietly
    from tocsin.testing.cases import read_tests

    bundle = loaded(config_dir, rules_dir)
    paths = files or tuple(sorted((rules_dir / "tests").rglob("*.yaml")))
    if not paths:
        raise click.UsageError(f"{rules_dir / 'tests'} contains no tests (*.yaml)")
    try:
        cases = read_tests(paths, bundle)
    except ConfigError as error:
        refuse(error.problems)
    chosen = [case for case in cases if wanted.lower() in case.name.lower()]
    if not chosen:
        raise click.UsageError(f"none of {len(cases)} tests has {wanted!r} in its name")
    began = time.perf_counter()
    with quietly():
        outcomes = asyncio.run(_run(chosen, bundle))
    if as_json:
        say_json({"tests": [_as_json(outcome) for outcome in outcomes]})
    else:
        _print(outcomes, time.perf_counter() - began)
    sys.exit(0 if all(outcome.passed for outcome in outcomes) else 1)


async def _run(cases: Sequence[Case], bundle: Bundle) -> list[CaseResult]:
    from tocsin.testing.case_runner import run_case

    outcomes = []
    with progress("testing", len(cases)) as advance:
        for case in cases:
            outcomes.append(await run_case(case, bundle))
            advance(1)
    return outcomes


def _print(outcomes: Iterable[CaseResult], seconds: float) -> None:
    passed = failed = 0
    for outcome in outcomes:
        if outcome.passed:
            passed += 1
            continue
        failed += 1
        mark = outcome.case.mark
        say(clean("FAILED ", "bold red"), clean(outcome.case.name, "bold"), f" ({mark.path}:{mark.line})")
        for failure in outcome.failures:
            _print_failure(failure)
    counts = (clean(f"{passed} passed", "green"), clean(f", {failed} failed", "bold red") if failed else "")
    say(*counts, f" in {seconds:.2f} s")


def _print_failure(failure: Failure) -> None:
    say(f"  {failure.what} ({failure.mark})")
    for sign, text in failure.lines:
        say(clean(f"    {sign} {text}", STYLES[sign]))


def _as_json(outcome: CaseResult) -> dict[str, object]:
    return {
        "name": outcome.case.name,
        "file": outcome.case.mark.path,
        "line": outcome.case.mark.line,
        "passed": outcome.passed,
        "seconds": round(outcome.seconds, 6),
        "failures": [
            {
                "file": failure.mark.path,
                "line": failure.mark.line,
                "column": failure.mark.column,
                "what": failure.what,
                "diff": [f"{sign} {text}" for sign, text in failure.lines],
            }
            for failure in outcome.failures
        ],
    }
