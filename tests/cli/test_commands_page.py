"""config/commands.md agrees with ``--help``."""

from pathlib import Path

from tocsin.cli.main import VERBS
from tocsin.cli.reference import reference
from tocsin.conf.document import documented

PAGE = (Path(__file__).parents[2] / "config/commands.md").read_text()


def test_the_page_of_commands_is_what_help_says() -> None:
    assert documented(PAGE, {"commands": reference}) == PAGE, "run `make docs`"


def test_every_verb_and_the_options_of_its_own_are_on_the_page() -> None:
    assert [verb for verb in VERBS if f"\n## tocsin {verb}\n" not in PAGE] == []
    assert "| `--config DIR` | Use this configuration" in PAGE
    assert PAGE.count("`--token-file`") == 1
