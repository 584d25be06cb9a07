"""``tocsin init``: write the shipped configuration and rules."""

from importlib.resources import as_file, files
from pathlib import Path

import click

from tocsin.cli import options
from tocsin.cli.minimal import FILES
from tocsin.cli.output import say

PARTS = ("config", "rules")
"""The shipped folders."""


@click.command(epilog=options.example("tocsin init /etc/tocsin", "tocsin init --minimal ."))
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--minimal", "is_minimal", is_flag=True, help="Write one playbook, one rules file and two people, to extend."
)
@click.option("--force", is_flag=True, help="Overwrite existing files.")
def command(directory: Path, *, is_minimal: bool, force: bool) -> None:
    """Write config/ and rules/ into DIRECTORY.

    Writes everything that is shipped, including the playbooks of five
    organizations (`tocsin playbooks remove` removes the ones you do not use).
    With --minimal, writes the smallest configuration that pages a person.

    If an existing file differs, nothing is written unless --force is given.
    """
    files_to_write = _minimal(directory) if is_minimal else _everything(directory)
    differing = [path for path, data in files_to_write.items() if path.exists() and path.read_bytes() != data]
    if differing and not force:
        listed = "\n".join(f"  {path}" for path in differing)
        raise click.ClickException(f"These files differ from the shipped ones; --force overwrites them:\n{listed}")
    missing = {path: data for path, data in files_to_write.items() if path in differing or not path.exists()}
    for path, data in missing.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    why = "" if missing else ": they all exist"
    say(f"{_files(len(missing))} written to {directory.resolve()}{why}. Next:")
    is_here = directory.resolve() == Path.cwd()
    folders = "" if is_here else f" --config {directory / 'config'} --rules {directory / 'rules'}"
    for verb in ("check", "test", "serve"):
        say(f"  tocsin {verb}{folders}")


def _minimal(directory: Path) -> dict[Path, bytes]:
    return {directory / name: text.encode() for name, text in FILES.items()}


def _everything(directory: Path) -> dict[Path, bytes]:
    with as_file(files("tocsin")) as package:
        return {directory / part / name: data for part in PARTS for name, data in _shipped(package, part)}


def _files(count: int) -> str:
    return {0: "No files", 1: "1 file"}.get(count, f"{count} files")


def _shipped(package: Path, part: str) -> list[tuple[Path, bytes]]:
    """Return (relative path, content) of each shipped file in ``config`` or ``rules``."""
    top = package / "shipped" / part
    if not top.is_dir():  # in a checkout, these folders are beside daemon/
        top = package.parents[1] / part
    paths = [path for path in sorted(top.rglob("*")) if path.is_file() and not _is_task_page(path)]
    return [(path.relative_to(top), path.read_bytes()) for path in paths]


def _is_task_page(path: Path) -> bool:
    """Return whether a file is a task page of the documentation, which the wheel does not contain."""
    return path.suffix == ".md" and path.name != "README.md"
