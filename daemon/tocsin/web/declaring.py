"""``POST /api/v1/incidents``: an incident that a person declares; and what there is to declare it at."""

from aiohttp import web
from msgspec import Struct

from tocsin.core.errors import InvalidValue
from tocsin.core.playbook import Playbook
from tocsin.core.work import LONGEST_TEXT, Branch, Question
from tocsin.engine.declaring import Declaration
from tocsin.web.answers import bad_request, json_answer
from tocsin.web.api import actor, delivery_of
from tocsin.web.bodies import read_json
from tocsin.web.keys import EDGE
from tocsin.web.messages import expect_facts
from tocsin.web.views import Response, incident_view, public

LONGEST_NAME = 200
"""Characters of a title, a service or a team."""


class NewIncident(Struct, frozen=True, forbid_unknown_fields=True):
    """For a new incident."""

    title: str
    severity: str
    playbook: str = ""
    """The one of what no rule places, unless given."""
    service: str = ""
    team: str = ""
    summary: str = ""
    """What it means, in a sentence or two."""
    reason: str = ""
    flags: tuple[str, ...] = ()
    facts: dict[str, str] = {}
    """What is known already, by name, such as ``users_affected``."""


class BranchView(Struct, frozen=True):
    """Where an answer leads, where it ends the questions."""

    advice: str
    severities: tuple[str, ...]
    """What it may be declared at; none: it need not be declared."""


class QuestionView(Struct, frozen=True):
    """Asked of whoever is about to declare an incident; answered with yes or no."""

    ask: str
    fact: str
    """The fact that keeps the answer, "" for none."""
    flag: str
    """The flag that yes sets, "" for none."""
    yes: BranchView | None
    """Null: the next question."""
    no: BranchView | None


class PlaybookView(Struct, frozen=True):
    """What an incident of a playbook can be."""

    name: str
    title: str
    default: bool
    """Whether it is the one of what no rule places."""
    severities: tuple[str, ...]
    """Highest first."""
    flags: tuple[str, ...]
    questions: list[QuestionView]
    """Its decision tree, in order."""


class PlaybookList(Struct, frozen=True):
    """The playbooks in force."""

    playbooks: list[PlaybookView]


async def declare(request: web.Request) -> web.Response:
    """Declare an incident without an alert: only a person resolves it."""
    wish = await read_json(request, NewIncident)
    if not wish.title.strip():
        raise bad_request("say in title what is wrong")
    for name in ("title", "service", "team"):
        if len(getattr(wish, name)) > LONGEST_NAME:
            raise InvalidValue(f"{name} is longer than {LONGEST_NAME} characters")
    for name in ("summary", "reason"):
        if len(getattr(wish, name)) > LONGEST_TEXT:
            raise InvalidValue(f"{name} is longer than {LONGEST_TEXT} characters")
    expect_facts(wish.facts)
    declaration = Declaration(**{name: getattr(wish, name) for name in NewIncident.__struct_fields__})
    incident = await request.app[EDGE].declarer.declare(declaration, actor(request), delivery_of(request))
    return json_answer(public(Response(incident_view(incident), changed=True, note="")))


async def playbooks(request: web.Request) -> web.Response:
    """The playbooks: their severities, flags and questions."""
    edge = request.app[EDGE]
    default = edge.settings().playbook
    found = [_view(plan, is_default=plan.name == default) for plan in edge.policy().playbooks.values()]
    return json_answer(public(PlaybookList(sorted(found, key=lambda one: one.name))))


def _view(plan: Playbook, *, is_default: bool) -> PlaybookView:
    severities = tuple(level.name for level in plan.levels)
    questions = [_question(question) for question in plan.questions]
    return PlaybookView(plan.name, plan.title, is_default, severities, plan.flags, questions)


def _question(question: Question) -> QuestionView:
    return QuestionView(question.ask, question.fact, question.flag, _branch(question.yes), _branch(question.no))


def _branch(branch: Branch | None) -> BranchView | None:
    return BranchView(branch.advice, branch.severities) if branch is not None else None
