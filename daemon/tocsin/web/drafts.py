"""``/api/v1/incidents/{ref}/drafts``: what a playbook does once a person has confirmed it."""

from aiohttp import web
from msgspec import Struct

from tocsin.core.acting import Draft
from tocsin.core.errors import InvalidValue
from tocsin.core.event import Confirmed, Discarded
from tocsin.core.said import Said
from tocsin.core.transitions.acting import acting_of
from tocsin.engine.policy import Policy
from tocsin.engine.preview import preview
from tocsin.ports.store import Reader
from tocsin.web.answers import bad_request, json_answer
from tocsin.web.api import actor, answered, delivery_of, find
from tocsin.web.bodies import read_json
from tocsin.web.keys import EDGE
from tocsin.web.views import public

TEXT_LIMIT = 25_000
"""The longest text that a person may write, in characters: what a status page takes."""


class DraftView(Struct, frozen=True, kw_only=True):
    """Something that is done once a person confirms it."""

    draft: int
    verb: str
    """``message``, ``tracker`` or ``automation``."""
    what: str
    """The template, the tracker or the automation."""
    to: tuple[str, ...]
    moment: str
    """What has happened that it is for: ``declared``, ``resolved`` ..."""
    drafted_at: int
    text: str
    """What would go out, of the incident as it is now; a first line ``Subject: ...`` is its subject, or the title of
    the ticket. "" for an automation, which is asked without words."""
    blanks: tuple[str, ...]
    """What only people can fill in, before it can go out."""
    failure: str
    """What went wrong with its template, "" where nothing did."""


class DraftList(Struct, frozen=True):
    """The drafts that wait for confirmation, the oldest first."""

    number: int
    drafts: list[DraftView]


class Confirmation(Struct, frozen=True, forbid_unknown_fields=True):
    """For confirm."""

    text: str
    """What goes out, to the letter: a draft's ``text``, or what has been made of it."""


class Refusal(Struct, frozen=True, forbid_unknown_fields=True):
    """For discard."""

    reason: str = ""


async def show(request: web.Request) -> web.Response:
    """List the drafts that wait for confirmation."""
    edge, ref = request.app[EDGE], request.match_info["ref"]
    policy = edge.policy()

    def work(reader: Reader) -> DraftList:
        incident = find(reader, ref)
        drafts = acting_of(incident).drafts
        return DraftList(incident.number, [_view(reader, policy, incident.id, draft) for draft in drafts])

    return json_answer(public(await edge.store.read(work)))


def _view(reader: Reader, policy: Policy, incident_id: str, draft: Draft) -> DraftView:
    saying = preview(reader, policy, find(reader, incident_id), draft)
    subject = f"Subject: {saying.subject}\n\n" if saying is not None and saying.subject else ""
    return DraftView(
        draft=draft.number,
        verb=draft.action.verb,
        what=draft.action.what,
        to=draft.action.targets,
        moment=draft.moment,
        drafted_at=draft.at,
        text=f"{subject}{saying.text.plain}" if saying is not None else "",
        blanks=saying.text.blanks if saying is not None else (),
        failure=saying.failure if saying is not None else "",
    )


async def confirm(request: web.Request) -> web.Response:
    """Have a draft done, in the words that are given."""
    wish = await read_json(request, Confirmation)
    if len(wish.text) > TEXT_LIMIT and not await _is_as_shown(request, wish.text):
        raise InvalidValue(f"a text has at most {TEXT_LIMIT} characters; this one has {len(wish.text)}")
    blanks = Said.written(wish.text).blanks
    if blanks:
        raise bad_request(f"fill in first: {', '.join(blanks)}")
    number = int(request.match_info["draft"])
    return await _say(request, Confirmed(by=actor(request), draft=number, text=wish.text.strip()))


async def _is_as_shown(request: web.Request, text: str) -> bool:
    """Return whether a text is the draft's own, which may be longer than what a person writes."""
    edge, ref, number = request.app[EDGE], request.match_info["ref"], int(request.match_info["draft"])
    policy = edge.policy()

    def work(reader: Reader) -> bool:
        incident = find(reader, ref)
        draft = acting_of(incident).draft(number)
        return draft is not None and _view(reader, policy, incident.id, draft).text.strip() == text.strip()

    return await edge.store.read(work)


async def discard(request: web.Request) -> web.Response:
    """Have nothing of a draft done."""
    wish = await read_json(request, Refusal)
    number = int(request.match_info["draft"])
    return await _say(request, Discarded(by=actor(request), draft=number, reason=wish.reason))


async def _say(request: web.Request, event: Confirmed | Discarded) -> web.Response:
    respond = request.app[EDGE].respond.say
    return answered(await respond(request.match_info["ref"], event, delivery=delivery_of(request)))
