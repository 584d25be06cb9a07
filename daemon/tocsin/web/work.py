"""``/api/v1/incidents/{ref}/...``: what people make of an incident, and what is left to be done about it."""

from aiohttp import web
from msgspec import Struct

from tocsin.core.event import (
    Declare,
    Event,
    ItemAdded,
    ItemDone,
    NoteAdded,
    PostMortemDone,
    RoleTaken,
    StatusSet,
    Ticked,
    UpdatePosted,
)
from tocsin.web.answers import bad_request
from tocsin.web.api import Nothing, actor, answered, delivery_of
from tocsin.web.bodies import Moment, micros_of, read_json
from tocsin.web.keys import EDGE


class Declaration(Struct, frozen=True, forbid_unknown_fields=True):
    """For declare."""

    reason: str = ""


class Note(Struct, frozen=True, forbid_unknown_fields=True):
    """For notes."""

    text: str


class Update(Struct, frozen=True, forbid_unknown_fields=True):
    """For updates."""

    text: str
    status: str = ""
    """One of the playbook's; without it the status stays as it is."""


class Status(Struct, frozen=True, forbid_unknown_fields=True):
    """For status."""

    status: str


class RoleWish(Struct, frozen=True, forbid_unknown_fields=True):
    """For roles."""

    role: str
    """Its key in the playbook."""
    person: str | None = None
    """Who has it from now on: whoever says so, unless given; "" for nobody."""


class TickWish(Struct, frozen=True, forbid_unknown_fields=True):
    """For ticks."""

    checklist: str
    number: int
    """1 is the first item."""
    done: bool = True


class MergeWish(Struct, frozen=True, forbid_unknown_fields=True):
    """For merge."""

    into: str
    """The number or the id of the incident in which it goes on."""


class LinkWish(Struct, frozen=True, forbid_unknown_fields=True):
    """For link."""

    other: str
    """The number or the id of the other incident."""


class NewItem(Struct, frozen=True, forbid_unknown_fields=True):
    """For action-items."""

    text: str
    kind: str
    """One of the playbook's ``action_items``; it says how long there is."""
    owner: str = ""
    """A person, a rotation or a group; whoever owns the post-mortem unless given."""
    due_at: Moment | None = None


class PostMortemWord(Struct, frozen=True, forbid_unknown_fields=True):
    """For postmortem: that it is done, or that none is needed."""

    waived: bool = False
    reason: str = ""
    """Has to be given where it is waived."""
    link: str = ""
    """Where it is to be read."""


async def declare(request: web.Request) -> web.Response:
    """Say that it is an incident, and no false alarm."""
    wish = await read_json(request, Declaration)
    return await _say(request, Declare(by=actor(request), reason=wish.reason))


async def add_note(request: web.Request) -> web.Response:
    """Note something for those who work on it."""
    wish = await read_json(request, Note)
    return await _say(request, NoteAdded(by=actor(request), text=wish.text))


async def post_update(request: web.Request) -> web.Response:
    """Tell those who wait how it goes."""
    wish = await read_json(request, Update)
    return await _say(request, UpdatePosted(by=actor(request), text=wish.text, status=wish.status))


async def set_status(request: web.Request) -> web.Response:
    """Say where it stands, in the playbook's words."""
    wish = await read_json(request, Status)
    return await _say(request, StatusSet(by=actor(request), status=wish.status))


async def take_role(request: web.Request) -> web.Response:
    """Take a role, give it to somebody, or lay it down."""
    wish = await read_json(request, RoleWish)
    by, people = actor(request), request.app[EDGE].policy().people.persons
    if wish.person and wish.person != by.name and wish.person not in people:
        raise bad_request(f"there is no person {wish.person!r} in people.yaml; known: {', '.join(sorted(people)[:20])}")
    return await _say(request, RoleTaken(by=by, role=wish.role, person=by.name if wish.person is None else wish.person))


async def tick(request: web.Request) -> web.Response:
    """Say that an item of a checklist is done, or that it is not after all."""
    wish = await read_json(request, TickWish)
    return await _say(request, Ticked(by=actor(request), checklist=wish.checklist, number=wish.number, done=wish.done))


async def add_item(request: web.Request) -> web.Response:
    """Write down what is to be done because of it."""
    wish = await read_json(request, NewItem)
    due_at = micros_of(wish.due_at)
    return await _say(
        request, ItemAdded(by=actor(request), text=wish.text, kind=wish.kind, owner=wish.owner, due_at=due_at)
    )


async def end_item(request: web.Request) -> web.Response:
    """Say that an action item is done."""
    await read_json(request, Nothing)
    return await _say(request, ItemDone(by=actor(request), number=int(request.match_info["item"])))


async def end_post_mortem(request: web.Request) -> web.Response:
    """Say that the post-mortem is done, or that none is needed."""
    wish = await read_json(request, PostMortemWord)
    if wish.waived and not wish.reason.strip():
        raise bad_request("say in reason why none is needed")
    if wish.link and not wish.link.startswith(("https://", "http://")):
        raise bad_request("link must be an http or https link")
    by = actor(request)
    return await _say(request, PostMortemDone(by=by, waived=wish.waived, reason=wish.reason, link=wish.link))


async def merge(request: web.Request) -> web.Response:
    """Let it, with its alerts, go on in another incident: it is the same."""
    wish = await read_json(request, MergeWish)
    respond = request.app[EDGE].respond.merge
    return answered(await respond(request.match_info["ref"], wish.into, actor(request)))


async def split(request: web.Request) -> web.Response:
    """Let it go on by itself again, with those of its alerts that still fire."""
    await read_json(request, Nothing)
    respond = request.app[EDGE].respond.split
    return answered(await respond(request.match_info["ref"], actor(request)))


async def link(request: web.Request) -> web.Response:
    """Say in both timelines that it has to do with another incident."""
    wish = await read_json(request, LinkWish)
    respond = request.app[EDGE].respond.link
    return answered(await respond(request.match_info["ref"], wish.other, actor(request)))


async def _say(request: web.Request, event: Event) -> web.Response:
    respond = request.app[EDGE].respond.say
    return answered(await respond(request.match_info["ref"], event, delivery=delivery_of(request)))
