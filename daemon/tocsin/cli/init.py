"""``tocsin init``: the shipped configuration and rules, to begin with."""

from importlib.resources import as_file, files
from pathlib import Path

import click

from tocsin.cli import options
from tocsin.cli.minimal import FILES
from tocsin.cli.output import say

PARTS = ("config", "rules")


@click.command(epilog=options.example("tocsin init /etc/tocsin", "tocsin init --minimal ."))
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--minimal", "is_minimal", is_flag=True, help="One playbook, one file of rules and two people, to extend."
)
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
def command(directory: Path, *, is_minimal: bool, force: bool) -> None:
    """Write config/ and rules/ into DIRECTORY.

    All that is shipped, five organizations' playbooks among it, or with
    --minimal the smallest configuration that pages a person. `tocsin playbooks
    remove` removes a shipped playbook again.

    Nothing is overwritten without --force: if one file is in the way, none is written.
    """
    wanted = _minimal(directory) if is_minimal else _everything(directory)
    in_the_way = [path for path, data in wanted.items() if path.exists() and path.read_bytes() != data]
    if in_the_way and not force:
        listed = "\n".join(f"  {path}" for path in in_the_way)
        raise click.ClickException(f"these files differ from the shipped ones; --force overwrites them:\n{listed}")
    missing = {path: data for path, data in wanted.items() if path in in_the_way or not path.exists()}
    for path, data in missing.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    say(f"{_files(len(missing))} written to {directory.resolve()}. Next:")
    for verb in ("check", "test", "serve"):
        say(f"  tocsin {verb} --config {directory / 'config'} --rules {directory / 'rules'}")


def _minimal(directory: Path) -> dict[Path, bytes]:
    return {directory / name: text.encode() for name, text in FILES.items()}


def _everything(directory: Path) -> dict[Path, bytes]:
    with as_file(files("tocsin")) as package:
        return {directory / part / name: data for part in PARTS for name, data in _shipped(package, part)}


def _files(count: int) -> str:
    return {0: "Nothing had to be", 1: "1 file"}.get(count, f"{count} files")


def _shipped(package: Path, part: str) -> list[tuple[Path, bytes]]:
    """(path below the part, content) of every shipped file."""
    top = package / "shipped" / part
    if not top.is_dir():  # a checkout, where the wheel's content stands beside daemon/
        top = package.parents[1] / part
    found = [path for path in sorted(top.rglob("*")) if path.is_file()]
    return [(path.relative_to(top), path.read_bytes()) for path in found]
