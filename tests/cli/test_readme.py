"""What README.md shows of the command line was run."""

import re
import shlex
from pathlib import Path

from cli.daemons import Running

README = (Path(__file__).parents[2] / "README.md").read_text()
LINE = re.compile(r"(\.yaml):\d+\)")
"""Whoever writes a comment into a rules file need not correct README.md for it."""
SHOWN = re.compile(r"```console\n\$ tocsin (explain .*)\n((?:.*\n)*?)```")

ON_CALL = re.compile(r"\b(alex|taylor|jamie)(?= through)")
"""The members of the shipped rotation: who of them it is depends on the day."""


def as_any_day(text: str) -> str:
    return ON_CALL.sub("alex", LINE.sub(r"\1)", text))


def test_what_explain_is_shown_to_say_is_what_it_says(daemon: Running) -> None:
    [(arguments, output)] = SHOWN.findall(README)
    told = daemon.run(*shlex.split(arguments)).output
    assert as_any_day(told) == as_any_day(output)
