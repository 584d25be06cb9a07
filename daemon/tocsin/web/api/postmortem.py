"""The draft of an incident's postmortem, as Markdown."""

import msgspec
from aiohttp import web
from msgspec import Struct

from tocsin.core.content.rendered_text import RenderedText
from tocsin.engine.deliver.messages import post_mortem as draft_post_mortem
from tocsin.ports.store import Reader
from tocsin.web.api.incidents import find
from tocsin.web.api.views import encoded
from tocsin.web.edge import EDGE
from tocsin.web.server.answers import json_answer


class PostMortemView(Struct, frozen=True):
    """The draft of a postmortem."""

    number: int
    markdown: str
    blanks: tuple[str, ...]
    """Names of the blanks that people have to fill in."""
    failure: str
    """Error of the template, "" if there was none."""


async def post_mortem(request: web.Request) -> web.Response:
    """Return the draft of the postmortem as Markdown."""
    edge, ref = request.app[EDGE], request.match_info["ref"]
    policy = edge.policy()

    def draft(reader: Reader) -> msgspec.Raw:
        incident = find(reader, ref)
        message = draft_post_mortem(reader, policy, incident)
        text: RenderedText = message.text
        return encoded(PostMortemView(incident.number, text.markdown, text.blanks, message.failure))

    return json_answer(await edge.store.read(draft))
