"""``/api/v1/drafts`` and ``/api/v1/incidents/{ref}/drafts``: actions of a playbook that a person has to confirm."""

from collections.abc import Mapping

import msgspec
from aiohttp import web
from msgspec import Struct

from tocsin.core.content.rendered_text import RenderedText
from tocsin.core.errors import InvalidText, InvalidValue
from tocsin.core.incident.event import Confirmed, Discarded
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.transitions.acting_state import acting_of
from tocsin.core.playbook.actions import Draft
from tocsin.engine.change.policy import Policy
from tocsin.engine.deliver.preview import preview
from tocsin.ports.store import IncidentFilter, Reader
from tocsin.web.api.incidents import find
from tocsin.web.api.responses import actor, record
from tocsin.web.api.views import encoded
from tocsin.web.edge import EDGE
from tocsin.web.server.answers import json_answer
from tocsin.web.server.bodies import read_json
from tocsin.web.server.guard import Handler
from tocsin.web.server.query import DEFAULT_LIMIT, MAX_LIMIT, expect_known, number

QUERY = {
    "limit": f"of how many incidents at most, up to {MAX_LIMIT}; {DEFAULT_LIMIT} unless given",
    "cursor": "`next` of the page before",
}
TEXT_LIMIT = 25_000
"""Maximum length of a text by a person, in characters: the limit of status pages."""


class DraftView(Struct, frozen=True, kw_only=True):
    """An action that is carried out after a person has confirmed it."""

    draft: int
    verb: str
    """``message``, ``tracker`` or ``automation``."""
    what: str
    """Name of the template, the tracker or the automation."""
    to: tuple[str, ...]
    moment: str
    """The moment that triggered the draft: ``declared``, ``resolved`` ..."""
    drafted_at: int
    text: str
    """The text that would be sent now, "" for an automation. A first line ``Subject: ...`` is the subject, or the title
    of the ticket."""
    blanks: tuple[str, ...]
    """Names of the blanks that people have to fill in before the text can be sent."""
    failure: str
    """Error of the template, "" if there was none."""


class DraftList(Struct, frozen=True):
    """The drafts that wait for confirmation, oldest first."""

    number: int
    drafts: list[DraftView]


class WaitingDraft(Struct, frozen=True, kw_only=True):
    """A draft of an incident, without its text."""

    number: int
    """Number of the incident."""
    title: str
    severity: str
    draft: int
    verb: str
    """``message``, ``tracker`` or ``automation``."""
    what: str
    """The template, the tracker or the automation."""
    to: tuple[str, ...]
    moment: str
    """The moment that triggered the draft: ``declared``, ``resolved`` ..."""
    drafted_at: int


class WaitingDrafts(Struct, frozen=True):
    """Drafts that wait for confirmation, the drafts of the newest incident first."""

    drafts: list[WaitingDraft]
    next: str | None
    """The ``cursor`` for the next part of the list; null at its end."""


class Confirmation(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of confirm."""

    text: str
    """The exact text to send: the draft's ``text``, possibly edited."""


class DiscardReason(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of discard."""

    reason: str = ""


async def show(request: web.Request) -> web.Response:
    """List the drafts that wait for confirmation."""
    edge, ref = request.app[EDGE], request.match_info["ref"]
    policy = edge.policy()

    def draft_list(reader: Reader) -> msgspec.Raw:
        incident = find(reader, ref)
        drafts = acting_of(incident).drafts
        return encoded(DraftList(incident.number, [_view(reader, policy, incident.id, draft) for draft in drafts]))

    return json_answer(await edge.store.read(draft_list))


async def show_all(request: web.Request) -> web.Response:
    """List the drafts of all incidents that wait for confirmation; ``limit`` counts incidents."""
    expect_known(request, frozenset(QUERY))
    limit = number(request.query, "limit", 1, MAX_LIMIT) or DEFAULT_LIMIT
    cursor = number(request.query, "cursor", 1, 2**63 - 1)
    # One incident more than requested is read, to know whether the list continues.
    wanted = IncidentFilter(drafts=True, before_number=cursor, limit=limit + 1)

    def work(reader: Reader) -> msgspec.Raw:
        found = reader.incidents(wanted)
        page = found[:limit]
        drafts = [_waiting(incident, draft) for incident in page for draft in acting_of(incident).drafts]
        return encoded(WaitingDrafts(drafts, str(page[-1].number) if len(found) > len(page) else None))

    return json_answer(await request.app[EDGE].store.read(work))


def _waiting(incident: Incident, draft: Draft) -> WaitingDraft:
    return WaitingDraft(
        number=incident.number,
        title=incident.title,
        severity=incident.severity,
        draft=draft.number,
        verb=draft.action.verb,
        what=draft.action.what,
        to=draft.action.targets,
        moment=draft.moment,
        drafted_at=draft.at,
    )


def _view(reader: Reader, policy: Policy, incident_id: str, draft: Draft) -> DraftView:
    message = preview(reader, policy, find(reader, incident_id), draft)
    subject = f"Subject: {message.subject}\n\n" if message is not None and message.subject else ""
    return DraftView(
        draft=draft.number,
        verb=draft.action.verb,
        what=draft.action.what,
        to=draft.action.targets,
        moment=draft.moment,
        drafted_at=draft.at,
        text=f"{subject}{message.text.plain}" if message is not None else "",
        blanks=message.text.blanks if message is not None else (),
        failure=message.failure if message is not None else "",
    )


async def confirm(request: web.Request) -> web.Response:
    """Confirm a draft and send the text of the request."""
    body = await read_json(request, Confirmation)
    if len(body.text) > TEXT_LIMIT and not await _is_unchanged(request, body.text):
        raise InvalidText("text", TEXT_LIMIT, len(body.text))
    blanks = RenderedText.written(body.text).blanks
    if blanks:
        raise InvalidValue(f"text has blanks left; fill in first: {', '.join(blanks)}")
    draft = int(request.match_info["draft"])
    return await record(request, Confirmed(by=actor(request), draft=draft, text=body.text.strip()))


async def _is_unchanged(request: web.Request, text: str) -> bool:
    """Return whether a text is the unchanged text of a draft, which may be longer than a text by a person."""
    edge, ref, wanted = request.app[EDGE], request.match_info["ref"], int(request.match_info["draft"])
    policy = edge.policy()

    def is_own_text(reader: Reader) -> bool:
        incident = find(reader, ref)
        draft = acting_of(incident).draft(wanted)
        return draft is not None and _view(reader, policy, incident.id, draft).text.strip() == text.strip()

    return await edge.store.read(is_own_text)


async def discard(request: web.Request) -> web.Response:
    """Discard a draft."""
    body = await read_json(request, DiscardReason)
    draft = int(request.match_info["draft"])
    return await record(request, Discarded(by=actor(request), draft=draft, reason=body.reason))


OWN_REQUESTS: Mapping[str, tuple[Handler, type[Struct]]] = {
    "drafts/{draft:[0-9]{1,9}}/confirm": (confirm, Confirmation),
    "drafts/{draft:[0-9]{1,9}}/discard": (discard, DiscardReason),
}
"""Handler and body of the responses to drafts, by name."""
