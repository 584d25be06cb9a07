"""The implementation of ``tocsin replay`` and its output."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn

import click
from rich.text import Text

from tocsin.cli.loading import loaded, progress
from tocsin.cli.output import clean, console, say, say_json, table
from tocsin.conf.bundle import Bundle
from tocsin.core.errors import StoreUnavailable, TocsinError
from tocsin.core.rules.comparison import Difference
from tocsin.store.clock import SystemClock
from tocsin.store.open import open_history
from tocsin.testing.case_runner import quietly
from tocsin.testing.recorded import Recorded, of_folder, of_store
from tocsin.testing.replay import Changed, ReplayCounts, Run, compare, groups_of, replay

VALUES_SHOWN = 3
"""Number of changed values of one field that are shown for one group."""


@dataclass(frozen=True)
class _Replayed:
    recorded: Recorded
    before: Run
    after: Run | None
    changed: Sequence[Changed]


class Request(NamedTuple):
    """The arguments of the command."""

    source: str
    config_dir: Path
    rules_dir: Path
    against_dir: Path | None
    since: int | None
    shown: int | None
    """Number of changed groups that are shown; None shows all."""
    fail_on_change: bool
    as_json: bool


def run(request: Request) -> NoReturn:
    """Replay, print the result, and exit."""
    bundle = loaded(request.config_dir, request.rules_dir)
    against = loaded(request.config_dir, request.against_dir) if request.against_dir is not None else None
    began = time.perf_counter()
    try:
        recorded = _read(request.source, request.since)
    except StoreUnavailable as error:
        raise click.ClickException(str(error)) from error
    except TocsinError as error:
        raise click.UsageError(str(error)) from error
    if not recorded.alerts:
        raise click.ClickException(f"{request.source} contains no alerts{_why_none(request)}")
    with quietly():
        replayed = asyncio.run(_replay(recorded, bundle, against))
    if request.as_json:
        say_json(_as_json(replayed))
    else:
        _print(replayed, request.shown)
        count = len(recorded.happenings)
        events = "1 event" if count == 1 else f"{count} events"
        say(clean(f"{events} replayed in {time.perf_counter() - began:.1f} s", "dim"))
    sys.exit(1 if request.fail_on_change and replayed.changed else 0)


def _why_none(request: Request) -> str:
    if request.since is not None:
        return " of that period."
    if Path(request.source).is_dir():
        return ". Put webhook payloads of Alertmanager into the folder, one file (*.json) for each."
    return "."


def _read(source: str, since: int | None) -> Recorded:
    clock = SystemClock(on_jump=lambda _: None)
    earliest = clock.now() - since if since is not None else 0
    if Path(source).is_dir():
        return of_folder(Path(source), earliest, "default", clock.now())
    url = source if ":" in source and not Path(source).exists() else f"sqlite:///{source}"
    return of_store(open_history(url, clock), earliest)


async def _replay(recorded: Recorded, bundle: Bundle, against: Bundle | None) -> _Replayed:
    runs = 1 if against is None else 2
    with progress("replaying", runs * len(recorded.happenings)) as advance:
        before = await replay(recorded, bundle, {}, advance)
        groups = groups_of(before, recorded.alerts)
        if against is None:
            return _Replayed(recorded, before, None, ())
        after = await replay(recorded, against, groups, advance)
    return _Replayed(recorded, before, after, compare(before, after, groups))


def _print(replayed: _Replayed, limit: int | None) -> None:
    for note in replayed.recorded.notes:
        say(clean("note: ", "yellow"), note, err=True)
    _print_figures(replayed.before.figures, replayed.after.figures if replayed.after is not None else None)
    if replayed.after is None:
        return
    if not replayed.changed:
        say("Nothing changes.")
        return
    shown = replayed.changed[:limit]
    for changed in shown:
        _print_group(changed)
    if len(shown) < len(replayed.changed):
        say(clean(f"... and {len(replayed.changed) - len(shown)} more groups: --all shows them", "dim"))


def _print_figures(before: ReplayCounts, after: ReplayCounts | None) -> None:
    made = table("", "before" if after is not None else "", *(("after", "change") if after is not None else ()))
    rows = _rows(before)
    other = _rows(after) if after is not None else {}
    for name in dict.fromkeys((*rows, *other)):
        was, is_ = rows.get(name, 0), other.get(name, 0)
        more = (clean(is_), _signed(is_ - was)) if after is not None else ()
        made.add_row(clean(name), clean(was), *more)
    console().print(made)


def _rows(figures: ReplayCounts) -> dict[str, int]:
    tiers = {f"pages, tier {tier}": count for tier, count in sorted(figures.pages.items())}
    return {
        "alerts": figures.alerts,
        "incidents": figures.incidents,
        "pages": figures.paged,
        **tiers,
        "updates": figures.updates,
        "alerts suppressed": figures.suppressed,
        "alerts held": figures.held,
        "alerts unrouted": figures.unrouted,
    }


def _signed(change: int) -> Text:
    return clean(f"{change:+}" if change else "", "red" if change > 0 else "green")


def _print_group(changed: Changed) -> None:
    alertname, service = changed.group
    before, after = changed.before, changed.after
    counts = [
        f"{name} {was} -> {is_}"
        for name, was, is_ in (
            ("pages", before.paged, after.paged),
            ("updates", before.updates, after.updates),
            ("incidents", before.incidents, after.incidents),
            ("suppressed", before.suppressed, after.suppressed),
        )
        if was != is_
    ]
    title = f"{alertname or 'an alert without a name'} ({service})"
    say(clean(title, "bold"), f": {', '.join((_many(before.alerts or after.alerts, 'alert'), *counts))}")
    fields: Counter[str] = Counter()
    for difference, count in changed.differences:
        fields[difference.field] += 1
        if fields[difference.field] <= VALUES_SHOWN:
            _print_difference(difference, count)
    more = sum(count - VALUES_SHOWN for count in fields.values() if count > VALUES_SHOWN)
    if more:
        say(clean(f"    ... and {more} more differences", "dim"))


def _print_difference(difference: Difference, count: int) -> None:
    say(
        f"    {difference.field} ",
        clean(difference.before, "red"),
        " -> ",
        clean(difference.after, "green"),
        f" ({count})",
    )


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _as_json(replayed: _Replayed) -> dict[str, object]:
    return {
        "events": len(replayed.recorded.happenings),
        "notes": replayed.recorded.notes,
        "before": _figures(replayed.before.figures),
        "after": _figures(replayed.after.figures) if replayed.after is not None else None,
        "changed": [
            {
                "alertname": changed.group[0],
                "service": changed.group[1],
                "before": _figures(changed.before),
                "after": _figures(changed.after),
                "differences": [
                    {"field": difference.field, "before": difference.before, "after": difference.after, "alerts": count}
                    for difference, count in changed.differences
                ],
            }
            for changed in replayed.changed
        ],
    }


def _figures(figures: ReplayCounts) -> dict[str, object]:
    return {
        "alerts": figures.alerts,
        "incidents": figures.incidents,
        "pages": figures.paged,
        "pages_by_tier": {str(tier): count for tier, count in sorted(figures.pages.items())},
        "updates": figures.updates,
        "suppressed": figures.suppressed,
        "held": figures.held,
        "unrouted": figures.unrouted,
    }
