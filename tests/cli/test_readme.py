"""What README.md shows of the command line was run."""

import re
import shlex
from pathlib import Path

from cli.daemons import Running

README = (Path(__file__).parents[2] / "README.md").read_text()
LINE = re.compile(r"(\.yaml):\d+\)")
"""Whoever writes a comment into a rules file need not correct README.md for it."""
ON_CALL = re.compile(r"\b(taylor|jamie)\b")
"""Who is on call depends on the week in which this is run."""
SHOWN = re.compile(r"```console\n\$ tocsin (explain .*)\n((?:.*\n)*?)```")


def test_what_explain_is_shown_to_say_is_what_it_says(daemon: Running) -> None:
    [(arguments, output)] = SHOWN.findall(README)
    told = ON_CALL.sub("alex", daemon.run(*shlex.split(arguments)).output)
    assert LINE.sub(r"\1)", told) == LINE.sub(r"\1)", output)
