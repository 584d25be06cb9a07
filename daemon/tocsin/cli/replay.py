"""``tocsin replay``: run recorded alerts through the rules again."""

from pathlib import Path

import click

from tocsin.cli import options

LISTED = 20
"""Number of groups that are shown without ``--all``."""


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
    help="Other rules to compare with.",
)
@click.option("--since", metavar="AGE", callback=options.duration, help="Only alerts seen since then, for example 7d.")
@click.option("--all", "is_all", is_flag=True, help=f"Show every changed group, not only {LISTED}.")
@click.option("--fail-on-change", is_flag=True, help="Exit 1 if anything changes.")
@options.as_json
def command(  # noqa: PLR0913 - one argument per option
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
    engine is the real one, on a virtual clock; no one is paged. People
    acknowledge and resolve when they did. Both runs escalate by the playbooks
    and people of --config; only the rules of --against differ. Steps that are due more
    than an hour after the last event are not counted.
    """
    from tocsin.cli.replaying import Request, run

    shown = None if is_all else LISTED
    run(Request(source, config_dir, rules_dir, against_dir, since, shown, fail_on_change, as_json))
