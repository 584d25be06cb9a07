"""``tocsin replay``: what has happened, with other rules."""

from pathlib import Path

import click

from tocsin.cli import options

LISTED = 20
"""Groups that are shown without ``--all``."""


@click.command(
    epilog=options.example(
        "tocsin replay var/tocsin.db --against ../rules-of-my-branch --since 7d",
        "tocsin replay payloads/ --against ../rules-of-my-branch",
    )
)
@click.argument("source")
@options.configuration
@click.option(
    "--against",
    "against_dir",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Other rules: what would they change?",
)
@click.option("--since", metavar="AGE", callback=options.duration, help="Only what was seen since then, such as 7d.")
@click.option("--all", "is_all", is_flag=True, help=f"Show every group that changes, not only {LISTED}.")
@click.option("--fail-on-change", is_flag=True, help="Exit 1 when anything changes.")
@options.as_json
def command(  # noqa: PLR0913 - one a flag
    source: str,
    config_dir: Path,
    rules_dir: Path,
    against_dir: Path | None,
    *,
    since: int | None,
    is_all: bool,
    fail_on_change: bool,
    as_json: bool,
) -> None:
    """Run what has happened through the rules again, and through other rules.

    SOURCE is a database (a file, or the URL of store.url), which may be in
    use and is only read, or a folder of webhooks' payloads (*.json). The
    engine is the real one, on a virtual clock; nobody is paged. People
    acknowledge and resolve when they did.
    """
    from tocsin.cli.replaying import Wanted, run

    run(Wanted(source, config_dir, rules_dir, against_dir, since, is_all, fail_on_change, as_json))
