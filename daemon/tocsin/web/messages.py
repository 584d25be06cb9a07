"""``/api/v1/incidents/{ref}/...``: what is said of an incident: facts, and the draft of its post-mortem."""

import re

from aiohttp import web
from msgspec import Struct

from tocsin.core.errors import InvalidValue
from tocsin.core.said import Said
from tocsin.engine.saying import post_mortem as draft_post_mortem
from tocsin.ports.store import Reader
from tocsin.web.answers import bad_request, json_answer
from tocsin.web.api import actor, answered, find
from tocsin.web.bodies import read_json
from tocsin.web.keys import EDGE
from tocsin.web.views import public

FACT_LIMIT = 4000
"""The longest fact, in characters."""
FACTS = 50
"""The most that are told at once."""

_FACT = re.compile(r"[a-z][a-z0-9_]{0,40}")


class Facts(Struct, frozen=True, forbid_unknown_fields=True):
    """For facts."""

    facts: dict[str, str]
    """By name, such as ``root_cause``; an empty text takes one back."""


class PostMortemView(Struct, frozen=True):
    """The draft of a post-mortem."""

    number: int
    markdown: str
    blanks: tuple[str, ...]
    """What only people can fill in."""
    failure: str
    """What went wrong with its template, "" where nothing did."""


def expect_facts(facts: dict[str, str]) -> None:
    """Refuse facts that cannot be kept.

    Raises:
        Refusal: One of them has no name, or is too long.
    """
    if len(facts) > FACTS:
        raise InvalidValue(f"give at most {FACTS} facts at once, not {len(facts)}")
    for name, text in facts.items():
        if not _FACT.fullmatch(name):
            raise bad_request(f"{name!r} is no name of a fact: write small letters, digits and _ only")
        if len(text) > FACT_LIMIT:
            raise InvalidValue(f"a fact has at most {FACT_LIMIT} characters; {name} has {len(text)}")


async def facts(request: web.Request) -> web.Response:
    """Say what has been found out, by name."""
    wish = await read_json(request, Facts)
    if not wish.facts:
        raise bad_request(f"give 1 to {FACTS} facts")
    expect_facts(wish.facts)
    respond = request.app[EDGE].respond.set_facts
    return answered(await respond(request.match_info["ref"], actor(request), wish.facts))


async def post_mortem(request: web.Request) -> web.Response:
    """The draft of the post-mortem, as Markdown."""
    edge, ref = request.app[EDGE], request.match_info["ref"]
    policy = edge.policy()

    def work(reader: Reader) -> PostMortemView:
        incident = find(reader, ref)
        saying = draft_post_mortem(reader, policy, incident)
        said: Said = saying.text
        return PostMortemView(incident.number, said.markdown, said.blanks, saying.failure)

    return json_answer(public(await edge.store.read(work)))
