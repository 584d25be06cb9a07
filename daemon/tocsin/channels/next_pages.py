"""Sentences about the next pages of the ladder, which all channels share."""

from tocsin.channels.persons import person
from tocsin.core.content.page import Content, Upcoming
from tocsin.core.incident.outbox import Job
from tocsin.core.playbook.playbook import Until
from tocsin.core.schedule.moments import short_moment

NAMES = 4
"""Maximum number of people of a tier that are named."""


def is_taken(content: Content) -> bool:
    """Return whether a responder has acknowledged the incident, so that no one else needs to."""
    return content.state in ("acknowledged", "snoozed") and bool(content.acknowledged_by)


def following(content: Content) -> str:
    """Return who is paged next, and what prevents that; "" if no further page is planned."""
    if content.job is not Job.PAGE or content.state != "triggered":
        return ""
    if content.is_own and content.next_pages:
        return f"If {_nobody(content)} by {_next_at(content)}, you are paged again."
    answered, resolved = _coming(content, Until.ACKNOWLEDGED), _coming(content, Until.RESOLVED)
    if not answered:
        return _unless_resolved(content, resolved, ", even if it is acknowledged")
    what = "the storm" if content.members is not None else "it"
    paged = f"{answered} will be paged{_again(content, Until.ACKNOWLEDGED)}"
    first = f"If no one acknowledges {what} by {_next_at(content)}, {paged}."
    if not resolved:
        return first
    return f"{first} If {what} is not resolved by then, {resolved} will be paged{_again(content, Until.RESOLVED)}."


def _nobody(content: Content) -> str:
    """Return who would have to acknowledge a notice about tocsin: the reader, or one of all who got it."""
    return "no one acknowledges" if content.paged_with or content.stranded else "you do not acknowledge"


def next_in_short(content: Content) -> str:
    """Return the next pages for an SMS and a call, one sentence for each response that prevents them."""
    if not following(content):
        return ""
    if content.is_own:
        return following(content)
    at = _next_at(content)
    answered = [page for page in content.next_pages if page.until is Until.ACKNOWLEDGED]
    resolved = [page for page in content.next_pages if page.until is Until.RESOLVED]
    also = f"{_briefly(resolved, content)} paged{_again(content, Until.RESOLVED)}" if resolved else ""
    if not answered:
        return f"If not resolved by {at}, {also}, even if you acknowledge."
    is_reader = all(_is_reader(page, content) for page in answered)
    paged = f"{_briefly(answered, content)} paged{' again' if is_reader else _again(content, Until.ACKNOWLEDGED)}"
    first = f"If {'you do not acknowledge' if is_reader else 'no one acknowledges'} by {at}, {paged}."
    return f"{first} If not resolved by then, {also}." if resolved else first


def _briefly(pages: list[Upcoming], content: Content) -> str:
    """Return the tiers with their verb: ``Engineering manager is``, ``you are``; a person paged before by name."""
    before = {paged.who for paged in content.paged_before}
    names = list(
        dict.fromkeys(
            "you"
            if _is_reader(page, content)
            else person(content, page.people[0])
            if len(page.people) == 1 and page.people[0] in before and not page.vacant
            else page.who
            for page in pages
        )
    )
    is_plural = len(names) > 1 or len(pages[0].people) > 1 or names[0].startswith(("you", "those "))
    return f"{' and '.join(names)} {'are' if is_plural else 'is'}"


def _coming(content: Content, until: Until) -> str:
    """Return the tiers with the persons in brackets: ``Engineering manager (morgan)``."""
    return " and ".join(_tier(page, content) for page in content.next_pages if page.until is until)


def _again(content: Content, until: Until) -> str:
    """Return " again" if each person of these pages has been paged before."""
    paged = {*content.paged_already, *(each.who for each in content.paged_before)}
    if content.job is Job.PAGE and not content.stranded:
        paged.add(content.target)
    pages = [page for page in content.next_pages if page.until is until]
    is_again = all(page.people and not page.vacant and paged.issuperset(page.people) for page in pages)
    return " again" if pages and is_again else ""


def _is_reader(page: Upcoming, content: Content) -> bool:
    return page.people == (content.target,) and not content.stranded


def _tier(page: Upcoming, content: Content) -> str:
    if _is_reader(page, content):
        return "you"
    shown = _people(page.people, content)
    if not page.vacant:
        return f"{page.who} ({shown})" if shown else page.who
    backups = f"the backup {_people(page.backups, content)}" if page.backups else "tocsin's fallback recipients"
    vacant = f"no one is on call for {' and '.join(page.vacant)} then"
    return f"{page.who} ({f'{shown}; ' if shown else ''}{vacant}, so {backups})"


def _people(names: tuple[str, ...], content: Content) -> str:
    more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
    return f"{', '.join(person(content, name) for name in names[:NAMES])}{more}"


def _next_at(content: Content) -> str:
    return short_moment(content.next_pages[0].at, content.now, content.time_zone)


def unless_resolved(content: Content) -> str:
    """Return whom an acknowledged incident still pages, "" where that is no one."""
    return _unless_resolved(content, _coming(content, Until.RESOLVED)) if is_taken(content) else ""


def _unless_resolved(content: Content, who: str, more: str = "") -> str:
    what = "the storm" if content.members is not None else "it"
    again = _again(content, Until.RESOLVED)
    return f"If {what} is not resolved by {_next_at(content)}, {who} will be paged{again}{more}." if who else ""
