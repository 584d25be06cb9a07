"""``POST /api/v1/incidents/{ref}/...``: responses of people, each derived from its declaration in the core.

The body of most responses has the fields of the event other than ``by``, and needs no code
here. `OWN_REQUESTS` has the responses whose request differs from their event.
"""

from collections.abc import Awaitable, Mapping

import msgspec
from aiohttp import hdrs, web
from msgspec import Struct, field

from tocsin.core.errors import InvalidText, InvalidValue, UnknownChoice
from tocsin.core.incident.coordination import LONGEST_TEXT
from tocsin.core.incident.event import (
    Actor,
    CompleteDuty,
    Event,
    ItemAdded,
    ItemDone,
    MoveMeeting,
    RoleTaken,
    WaiveDuty,
)
from tocsin.core.incident.response import DeclaredResponse
from tocsin.core.suggestions import known_names
from tocsin.engine.responses.respond import Answer, Delivery
from tocsin.web.api.views import Response, incident_view, public
from tocsin.web.edge import EDGE
from tocsin.web.server.answers import bad_request, json_answer
from tocsin.web.server.auth import CALLER
from tocsin.web.server.bodies import Moment, duration_of, micros_of, read_json
from tocsin.web.server.guard import Handler

MAX_IDEMPOTENCY_KEY = 200
"""Maximum length of an idempotency key, in characters."""
CLI_AGENT = "tocsin/"
"""Beginning of the User-Agent header of the command line."""


# Bodies of requests that differ from their event


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """Empty body of responses without parameters."""


class SnoozeRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of snooze; needs exactly one of the two."""

    until: Moment | None = None
    length: str | None = field(name="for", default=None)
    """For example `2h` or `1h30m`; at most 31 days."""


class RoleRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of roles."""

    role: str
    """Key of the role in the playbook."""
    person: str | None = None
    """The person who gets the role; by default the caller, "" to unassign the role."""


class MergeRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of merge."""

    into: str
    """The number or the id of the incident to merge into."""


class LinkRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of link."""

    other: str
    """The number or the id of the other incident."""


class NewItem(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of action-items."""

    text: str
    kind: str
    """One of the playbook's ``action_items``, which determines the due time."""
    owner: str = ""
    """A person, a rotation or a group; by default the owner of the postmortem."""
    due_at: Moment | None = None


class DutyReport(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a duty's done."""

    reason: str = ""
    """A remark for the timeline."""
    link: str = ""


class DutyWaiver(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a duty's waive."""

    reason: str


class MeetingTime(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a duty's meeting."""

    at: Moment
    """The new start."""


def body_of(response: DeclaredResponse) -> type[Struct]:
    """Return the type of a response's request body: the fields of its event other than ``by``."""
    fields = [
        (each.name, each.type)
        if each.required
        else (each.name, each.type, msgspec.field(default=each.default))
        if each.default is not msgspec.NODEFAULT
        else (each.name, each.type, msgspec.field(default_factory=each.default_factory))
        for each in msgspec.structs.fields(response.event)
        if each.name != "by"
    ]
    name, doc = response.event.__name__, f"Body of {response.name}."
    return msgspec.defstruct(name, fields, namespace={"__doc__": doc}, frozen=True, forbid_unknown_fields=True)


def handler_of(response: DeclaredResponse, takes: type[Struct]) -> Handler:
    """Return the handler of a response whose body has the fields of its event."""

    async def handle(request: web.Request) -> web.Response:
        body = await read_json(request, takes)
        return await record(request, response.event(by=actor(request), **msgspec.structs.asdict(body)))

    handle.__doc__ = response.summary
    return handle


async def snooze(request: web.Request) -> web.Response:
    """Acknowledge an incident and pause its escalation."""
    body = await read_json(request, SnoozeRequest)
    if (body.until is None) == (body.length is None):
        raise InvalidValue('give exactly one of until and for, such as {"for": "2h"}')
    until, length = micros_of(body.until), duration_of(body.length, "for")
    respond = request.app[EDGE].respond.snooze
    return await answered(
        respond(ref_of(request), actor(request), until=until, length=length, delivery=delivery_of(request))
    )


async def replan(request: web.Request) -> web.Response:
    """Replace an incident's playbook with its current version."""
    await read_json(request, Nothing)
    respond = request.app[EDGE].respond.replan
    return await answered(respond(ref_of(request), actor(request), delivery=delivery_of(request)))


async def take_role(request: web.Request) -> web.Response:
    """Take, assign or unassign a role."""
    body = await read_json(request, RoleRequest)
    by, people = actor(request), request.app[EDGE].policy().people.persons
    if body.person and body.person != by.name and body.person not in people:
        raise UnknownChoice(f"there is no person {body.person!r} in people.yaml; {known_names(body.person, people)}")
    person = by.name if body.person is None else body.person
    return await record(request, RoleTaken(by=by, role=body.role, person=person))


async def add_item(request: web.Request) -> web.Response:
    """Add an action item."""
    body = await read_json(request, NewItem)
    due_at = micros_of(body.due_at)
    event = ItemAdded(by=actor(request), text=body.text, kind=body.kind, owner=body.owner, due_at=due_at)
    return await record(request, event)


async def end_item(request: web.Request) -> web.Response:
    """Complete an action item."""
    await read_json(request, Nothing)
    return await record(request, ItemDone(by=actor(request), number=int(request.match_info["item"])))


async def complete_duty(request: web.Request) -> web.Response:
    """Record that a duty is done."""
    body, duty = await read_json(request, DutyReport), request.match_info["duty"]
    return await record(request, CompleteDuty(by=actor(request), duty=duty, reason=body.reason, link=body.link))


async def waive_duty(request: web.Request) -> web.Response:
    """Record why a duty need not be done."""
    body = await read_json(request, DutyWaiver)
    return await record(request, WaiveDuty(by=actor(request), duty=request.match_info["duty"], reason=body.reason))


async def move_meeting(request: web.Request) -> web.Response:
    """Move the meeting of a duty; everyone invited gets the new time."""
    at = micros_of((await read_json(request, MeetingTime)).at) or 0
    return await record(request, MoveMeeting(by=actor(request), duty=request.match_info["duty"], at=at))


async def merge(request: web.Request) -> web.Response:
    """Merge the incident and its alerts into another incident."""
    body = await read_json(request, MergeRequest)
    respond = request.app[EDGE].respond.merge
    return await answered(respond(ref_of(request), body.into, actor(request), delivery=delivery_of(request)))


async def split(request: web.Request) -> web.Response:
    """Unmerge an incident; its alerts that still fire move back to it."""
    await read_json(request, Nothing)
    respond = request.app[EDGE].respond.split
    return await answered(respond(ref_of(request), actor(request), delivery=delivery_of(request)))


async def link(request: web.Request) -> web.Response:
    """Link the incident with a related one; both timelines show the link."""
    body = await read_json(request, LinkRequest)
    respond = request.app[EDGE].respond.link
    return await answered(respond(ref_of(request), body.other, actor(request), delivery=delivery_of(request)))


OWN_REQUESTS: Mapping[str, tuple[Handler, type[Struct]]] = {
    "snooze": (snooze, SnoozeRequest),
    "replan": (replan, Nothing),
    "roles": (take_role, RoleRequest),
    "action-items": (add_item, NewItem),
    "action-items/{item:[0-9]{1,9}}/done": (end_item, Nothing),
    "duties/{duty:[a-z][a-z0-9-]{0,62}}/done": (complete_duty, DutyReport),
    "duties/{duty:[a-z][a-z0-9-]{0,62}}/waive": (waive_duty, DutyWaiver),
    "duties/{duty:[a-z][a-z0-9-]{0,62}}/meeting": (move_meeting, MeetingTime),
    "merge": (merge, MergeRequest),
    "link": (link, LinkRequest),
}
"""Handler and body of the responses whose request differs from their event, by name."""


def handled(
    response: DeclaredResponse, own: Mapping[str, tuple[Handler, type[Struct]]]
) -> tuple[Handler, type[Struct]]:
    """Return the handler and the body of a response."""
    if response.name in own:
        return own[response.name]
    takes = body_of(response)
    return handler_of(response, takes), takes


# Functions for all responses


def ref_of(request: web.Request) -> str:
    """Return the incident's id or number, from the path."""
    return request.match_info["ref"]


def actor(request: web.Request) -> Actor:
    """Return the caller as the actor of an event, via the API or the command line."""
    caller = request[CALLER]
    via = "cli" if request.headers.get(hdrs.USER_AGENT, "").startswith(CLI_AGENT) else "api"
    return Actor(caller.name, via, caller.is_person)


def delivery_of(request: web.Request) -> Delivery | None:
    """Return the delivery of the Idempotency-Key header, None without one. Keys of different callers are different.

    Raises:
        Refusal: The key is too long, or not ASCII.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not (1 <= len(key) <= MAX_IDEMPOTENCY_KEY and key.isascii()):
        raise bad_request(f"Idempotency-Key must have 1 to {MAX_IDEMPOTENCY_KEY} ASCII characters")
    return ("api", f"{request[CALLER].name}/{request.path}/{key}")


async def record(request: web.Request, event: Event) -> web.Response:
    """Apply an event that the caller causes to the incident of the path."""
    _check_texts(event)
    return await answered(request.app[EDGE].respond.apply(ref_of(request), event, delivery=delivery_of(request)))


def _check_texts(event: Event) -> None:
    """Check the length of the texts other than ``text``, whose length each handler checks.

    Raises:
        InvalidText: One of them is too long to be stored.
    """
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if name != "text" and isinstance(value, str) and len(value) > LONGEST_TEXT:
            raise InvalidText(f"{'an' if name[0] in 'aeiou' else 'a'} {name}", LONGEST_TEXT, len(value))


async def answered(response: Awaitable[Answer]) -> web.Response:
    """Wait for a response; return the HTTP answer for its result."""
    answer = await response
    return json_answer(public(Response(incident_view(answer.incident), answer.changed, answer.note)))
