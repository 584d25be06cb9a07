"""Parts of the running configuration that a reload would remove although people are paged through them.

A truncated or emptied file is often valid YAML; it merely contains less. So a reload that removes these parts needs
explicit confirmation.
"""

from collections.abc import Iterable, Iterator

from tocsin.conf.bundle import Bundle
from tocsin.conf.settings import CONSOLE
from tocsin.conf.source import Mark, Problem
from tocsin.core.oncall.people import Person

ON_PURPOSE = "if this is intended, run `tocsin reload --force`"


def losses(old: Bundle, new: Bundle) -> tuple[Problem, ...]:
    """Return the losses with the file to check, in the order in which the files are read; usually none."""
    result = (*_of_settings(old, new), *_of_people(old, new), *_of_calendars(old, new))
    return tuple(_problem(old, new, *loss) for loss in result)


def _of_settings(old: Bundle, new: Bundle) -> Iterator[tuple[str, str]]:
    if new.is_empty and not old.is_empty:
        yield "tocsin.yaml", "is empty: every setting gets its default"
    if old.tokens and not new.tokens:
        yield "tocsin.yaml", f"no token is left: this removes {_names(token.name for token in old.tokens)}"
    for what, before, after in (
        ("channel", old.channels, new.channels),
        ("tracker", old.trackers, new.trackers),
    ):
        lost = [way.name for way in before if way.kind != CONSOLE]
        if lost and all(way.kind == CONSOLE for way in after):
            yield "tocsin.yaml", f"no {what} but the console is left: this removes {_names(lost)}"
    for provider in type(new.settings.inbound).model_fields:
        is_lost = _secrets(old, provider) and not _secrets(new, provider)
        if is_lost and any(channel.kind == provider for channel in new.channels):
            problem = f"inbound.{provider} has no secret left: acknowledgments made in {provider} are refused"
            yield "tocsin.yaml", problem
    if _beyond_console(old.settings.self_.targets) and not _beyond_console(new.settings.self_.targets):
        problem = f"self.targets has only the console left: this removes {_names(old.settings.self_.targets)}"
        yield "tocsin.yaml", problem


def _of_people(old: Bundle, new: Bundle) -> Iterator[tuple[str, str]]:
    """Check all people whom the new configuration may page, whether or not they are on call now."""
    targets = {target for playbook in new.playbooks.values() for target in playbook.targets}
    names = {name for target in (*targets, *new.settings.self_.targets) for name in new.people.everybody(target)}
    for name in sorted(names & old.people.persons.keys() & new.people.persons.keys()):
        if _is_reached(old, old.people.persons[name]) and not _is_reached(new, new.people.persons[name]):
            yield "people.yaml", f"{name} may be paged and has no contact left: their pages go to the console"


def _of_calendars(old: Bundle, new: Bundle) -> Iterator[tuple[str, str]]:
    """Report calendars that are now unreadable: the running calendar's on-call person is better than none."""
    known = {str(path) for path in old.files} - old.lost_calendars
    for path in sorted(new.lost_calendars & known):
        warnings = [each for each in new.warnings if each.path == path]
        # The size comes first: the rest may follow from it.
        reason = min(warnings, key=lambda each: "larger than" not in each.message, default=None)
        why = f" (line {reason.line} {reason.message})" if reason is not None else ""
        yield (
            path,
            f"cannot be read as a whole calendar any more{why}: its last shifts stay in force; restore the file",
        )


def _is_reached(bundle: Bundle, person: Person) -> bool:
    """Return whether a channel other than a console reaches the person."""
    ways = {channel.name for channel in bundle.channels if channel.kind != CONSOLE}
    return any(method.contact.channel in ways for method in person.methods)


def _secrets(bundle: Bundle, provider: str) -> tuple[object, ...]:
    secrets: tuple[object, ...] = getattr(bundle.settings.inbound, provider).secrets
    return secrets


def _beyond_console(targets: tuple[str, ...]) -> bool:
    return any(target != CONSOLE for target in targets)


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)


def _problem(old: Bundle, new: Bundle, file: str, message: str) -> Problem:
    path = next((str(path) for path in (*new.files, *old.files) if file in (path.name, str(path))), file)
    return Problem(*Mark(path), message, ON_PURPOSE)
