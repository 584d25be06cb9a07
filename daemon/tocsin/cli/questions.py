"""The questions of a playbook before a declaration, asked on the terminal."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, TypeVar

import click

from tocsin.cli.client import Refused
from tocsin.cli.output import say
from tocsin.core.suggestions import known_names

T = TypeVar("T")
LONGEST_NUMBER = 12
"""Maximum number of digits of a number that is asked for."""


class Answers(NamedTuple):
    """The answers to the questions of a playbook."""

    severities: tuple[str, ...]
    """The severities to choose from; empty if the answers suggest no severity."""
    flags: tuple[str, ...]
    """The flags that the answers set."""
    facts: dict[str, str]


def plan_of(plans: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Return the playbook of that name, or the default one if the name is empty.

    Raises:
        Refused: There is no such playbook.
    """
    chosen = next((plan for plan in plans if plan["name"] == name or (not name and plan["default"])), None)
    if chosen is None:
        raise Refused(f"there is no playbook {name!r}; {known_names(name, (plan['name'] for plan in plans))}")
    return chosen


@contextmanager
def terminal_expected(plan: dict[str, Any]) -> Iterator[None]:
    """Raise a usage error if the input ends before all questions are answered: it names options for their answers."""
    try:
        yield
    except EOFError:
        click.echo(err=True)
        if sys.stdin.isatty():
            raise click.Abort from None
        flags = f", and --flag ({' or '.join(plan['flags'])}) if one applies" if plan["flags"] else ""
        raise click.UsageError(
            f"the questions of {plan['name']} need a terminal; "
            f"without one, give --severity ({' or '.join(plan['severities'])}){flags}"
        ) from None


def ask(plan: dict[str, Any]) -> Answers:
    """Ask the questions in order until an answer decides the severity.

    Raises:
        Abort: No declaration is needed, and the person does not want one.
        EOFError: The input has ended.
    """
    flags: list[str] = []
    facts: dict[str, str] = {}
    suggested: list[str] = []
    for question in plan["questions"]:
        is_yes, fact = _ANSWERS[question["answer"]](question["ask"])
        if question["fact"] and fact:
            facts[question["fact"]] = fact
        if question["flag"] and is_yes:
            flags.append(question["flag"])
        branch = question["yes" if is_yes else "no"]
        if branch is None:
            continue
        is_outweighed = bool(suggested) and not branch["severities"] and not branch["goes_on"]
        if branch["advice"] and not is_outweighed:
            say(branch["advice"], err=True)
        if branch["goes_on"]:
            suggested += branch["severities"]
            continue
        is_needed = bool(suggested or branch["severities"])
        if not is_needed and not _answered(partial(click.confirm, "Declare the incident anyway?", err=True)):
            raise click.Abort
        return Answers(_highest(plan, suggested, branch["severities"]), tuple(flags), facts)
    return Answers(_highest(plan, suggested, ()), tuple(flags), facts)


def choose(plan: dict[str, Any], suggested: tuple[str, ...], current: str = "") -> str:
    """Return the severity that a person chooses among the suggested ones; do not ask about a single suggestion.

    ``current`` is the severity of an existing incident. That severity is kept if it is suggested or if no severity is
    suggested, and a single lower suggestion does not lower it.

    Raises:
        EOFError: The input has ended.
    """
    if current and (current in suggested or not suggested):
        return current
    if len(suggested) == 1:
        return min(suggested[0], current or suggested[0], key=plan["severities"].index)
    choice = click.Choice(list(dict.fromkeys((*suggested, *([current] if current else ())))) or plan["severities"])
    chosen: str = _answered(partial(click.prompt, "Severity", type=choice, err=True))
    return chosen


def _highest(plan: dict[str, Any], suggested: Sequence[str], last: Sequence[str]) -> tuple[str, ...]:
    """Return the severities to choose from: if earlier answers suggest any, the highest of all; else the last ones."""
    if not suggested:
        return tuple(last)
    return (min((*suggested, *last), key=plan["severities"].index),)


def _yes_or_no(text: str) -> tuple[bool, str]:
    is_yes = _answered(partial(click.confirm, text, err=True))
    return is_yes, "yes" if is_yes else "no"


def _number(text: str) -> tuple[bool, str]:
    """Return (True if the number is more than 0, the number as text); an unknown number counts as more than 0."""
    while True:
        typed = _answered(partial(click.prompt, text, default="", show_default=False, err=True)).strip()
        if not typed:
            return True, ""
        if typed.isascii() and typed.isdecimal() and len(typed) <= LONGEST_NUMBER:
            return int(typed) > 0, str(int(typed))
        say("Type a whole number, 0 for none, or nothing if it is not known.", err=True)


_ANSWERS: dict[str, Callable[[str], tuple[bool, str]]] = {"yes_no": _yes_or_no, "number": _number}
"""Kind of answer -> a function that asks and returns (True if the answer counts as yes, the fact)."""


def _answered(ask_once: Callable[[], T]) -> T:
    """Return the answer to one question.

    Raises:
        EOFError: The input has ended.
    """
    try:
        return ask_once()
    except click.Abort as abort:
        if isinstance(abort.__context__, KeyboardInterrupt):
            raise
        raise EOFError from None
