"""``POST /api/v1/incidents``: declaring an incident; and the playbooks and severities to choose from."""

from aiohttp import web
from msgspec import Struct

from tocsin.core.errors import InvalidText, InvalidValue
from tocsin.core.incident.coordination import LONGEST_TEXT
from tocsin.core.playbook.playbook import Playbook
from tocsin.core.playbook.roles import Branch, Question
from tocsin.engine.responses.declare import Declaration
from tocsin.web.api.responses import actor, delivery_of
from tocsin.web.api.views import Response, incident_view, public
from tocsin.web.edge import EDGE
from tocsin.web.server.answers import json_answer
from tocsin.web.server.bodies import read_json

LONGEST_NAME = 200
"""Maximum length of a title, a service or a team, in characters."""


class NewIncident(Struct, frozen=True, forbid_unknown_fields=True):
    """An incident to declare."""

    title: str
    severity: str
    playbook: str = ""
    """The name of a playbook; by default the one for alerts that no rule routes."""
    service: str = ""
    team: str = ""
    summary: str = ""
    """Impact, in a sentence or two."""
    reason: str = ""
    flags: tuple[str, ...] = ()
    facts: dict[str, str] = {}
    """Known facts by name, such as ``users_affected``."""


class BranchView(Struct, frozen=True):
    """The result of an answer."""

    advice: str
    severities: tuple[str, ...]
    """The severities to choose from; empty if no declaration is needed."""
    goes_on: bool
    """True if the next question follows, so that the highest of the severities so far is suggested at the end."""


class QuestionView(Struct, frozen=True):
    """A question for a person who is about to declare an incident."""

    ask: str
    answer: str
    """``yes_no``, or ``number``: a number, or nothing if it is unknown; 0 counts as no."""
    fact: str
    """The fact that stores the answer, "" for none."""
    flag: str
    """The flag that yes sets, "" for none."""
    yes: BranchView | None
    """The result of yes; null if the next question follows."""
    no: BranchView | None


class PlaybookView(Struct, frozen=True):
    """A playbook with its severities, flags and questions."""

    name: str
    title: str
    default: bool
    """True for the playbook of alerts that no rule routes."""
    severities: tuple[str, ...]
    """The severities, highest first."""
    flags: tuple[str, ...]
    questions: list[QuestionView]
    """The questions of the decision tree, in order."""


class PlaybookList(Struct, frozen=True):
    """The playbooks of the running configuration."""

    playbooks: list[PlaybookView]


async def declare(request: web.Request) -> web.Response:
    """Declare an incident without an alert; only a person can resolve it."""
    body = await read_json(request, NewIncident)
    if not body.title.strip():
        raise InvalidValue("title is empty; describe the problem in it")
    for name in ("title", "service", "team"):
        if len(getattr(body, name)) > LONGEST_NAME:
            raise InvalidText(name, LONGEST_NAME, len(getattr(body, name)))
    for name in ("summary", "reason"):
        if len(getattr(body, name)) > LONGEST_TEXT:
            raise InvalidText(name, LONGEST_TEXT, len(getattr(body, name)))
    declaration = Declaration(**{name: getattr(body, name) for name in NewIncident.__struct_fields__})
    incident = await request.app[EDGE].declarer.declare(declaration, actor(request), delivery_of(request))
    return json_answer(public(Response(incident_view(incident), changed=True, note="")))


async def playbooks(request: web.Request) -> web.Response:
    """List the playbooks with their severities, flags and questions."""
    edge = request.app[EDGE]
    default = edge.settings().playbook
    views = [_view(plan, is_default=plan.name == default) for plan in edge.policy().playbooks.values()]
    return json_answer(public(PlaybookList(sorted(views, key=lambda view: view.name))))


def _view(plan: Playbook, *, is_default: bool) -> PlaybookView:
    severities = tuple(level.name for level in plan.levels)
    questions = [_question(question) for question in plan.questions]
    return PlaybookView(plan.name, plan.title, is_default, severities, plan.flags, questions)


def _question(question: Question) -> QuestionView:
    yes, no = _branch(question.yes), _branch(question.no)
    return QuestionView(question.ask, question.answer.value, question.fact, question.flag, yes, no)


def _branch(branch: Branch | None) -> BranchView | None:
    return BranchView(branch.advice, branch.severities, branch.goes_on) if branch is not None else None
