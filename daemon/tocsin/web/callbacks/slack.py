"""``POST /webhooks/slack``: clicks on buttons; and functions that the callbacks of all providers share.

Callbacks are authenticated by a signature over the raw body. Providers retry requests
that are not answered in time, so every response has a delivery key.
"""

import asyncio
import urllib.parse
from collections.abc import Awaitable
from typing import Any

import msgspec
import structlog
from aiohttp import web
from msgspec import Struct

from tocsin.channels.slack import buttons
from tocsin.conf.settings import Inbound
from tocsin.core.errors import IllegalTransition, InvalidValue, UnknownName
from tocsin.core.incident.event import Actor, Declare, TakeOver
from tocsin.engine.responses.respond import Answer, Delivery
from tocsin.ports.observer import Limit
from tocsin.web.callbacks.signatures import slack_signed
from tocsin.web.edge import EDGE, Edge
from tocsin.web.server.answers import BUSY, Refusal, webhook_answer
from tocsin.web.server.auth import CALLER, Caller
from tocsin.web.server.bodies import read_body

MOST_ACTIONS = 25
"""Maximum number of clicks of one callback that are carried out: Slack sends one."""
MOST_FIELDS = 200
"""Maximum number of fields of a form."""

_log = structlog.get_logger("tocsin.web.callbacks.slack")


class _SlackUser(Struct, frozen=True):
    id: str = ""
    username: str | None = None


class _SlackAction(Struct, frozen=True):
    action_id: str = ""
    value: str | None = None
    action_ts: str = ""


class _SlackPayload(Struct, frozen=True):
    type: str = ""
    user: _SlackUser = _SlackUser()
    actions: list[_SlackAction] = []
    challenge: str = ""


async def slack(request: web.Request) -> web.Response:
    """Accept clicks from Slack; answer with an empty 200 after the commit.

    Raises:
        Refusal: The signature is wrong or too old, or the store is too slow.
    """
    edge = request.app[EDGE]
    body = await read_body(request)
    secrets = secrets_of(edge.settings().inbound.slack, "slack")
    timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
    signature = request.headers.get("X-Slack-Signature", "")
    if not slack_signed(body, timestamp, signature, secrets, edge.now()):
        raise wrong_signature(401)
    believe(request, "slack")
    try:
        payload = msgspec.json.decode(_slack_json(request.content_type, body), type=_SlackPayload)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:  # no JSON, no UTF-8, or too many fields
        raise Refusal(400, "malformed", f"the payload cannot be parsed: {error}", reason="malformed") from None
    if payload.type == "url_verification":
        return webhook_answer({"challenge": payload.challenge})
    if payload.type == "block_actions":
        if len(payload.actions) > MOST_ACTIONS:
            edge.observer.count("limits_exceeded_total", limit=Limit.SLACK_CLICKS)
            _log.warning("clicks_ignored", user=payload.user.id, count=len(payload.actions) - MOST_ACTIONS)
        for action in payload.actions[:MOST_ACTIONS]:
            note = await _take_click(edge, payload.user, action)
            _log.info("click_handled", action=action.action_id, value=action.value, user=payload.user.id, note=note)
    return webhook_answer()


def _slack_json(content_type: str, body: bytes) -> bytes:
    if content_type == "application/json":
        return body
    fields = urllib.parse.parse_qs(body.decode(), max_num_fields=MOST_FIELDS)
    return fields.get("payload", ["{}"])[0].encode()


async def _take_click(edge: Edge, user: _SlackUser, action: _SlackAction) -> str:
    """Carry out a click; return a note about the outcome."""
    subject = buttons.read_value(action.value or "")
    if action.action_id not in buttons.ACTIONS or subject is None:
        return "ignored: not a button of tocsin"
    incident_id, occurrence = subject
    person = edge.policy().people.by_slack(user.id)
    # Slack authenticates its users, so people who are not in people.yaml may act, too. Their name includes the user id,
    # because Slack users choose their own names.
    by = Actor(person.name if person else stranger(user.username, user.id), "slack")
    delivery = ("slack", f"{user.id}/{action.action_id}/{action.value}/{action.action_ts}")
    match action.action_id:
        case buttons.ACKNOWLEDGE:
            response = edge.respond.acknowledge(incident_id, by, occurrence=occurrence, delivery=delivery)
        case buttons.TAKE_OVER:
            response = edge.respond.apply(incident_id, TakeOver(by=by, occurrence=occurrence), delivery=delivery)
        case buttons.RESOLVE:
            response = edge.respond.resolve(incident_id, by, occurrence=occurrence, delivery=delivery)
        case buttons.DECLARE:
            response = _declare(edge, subject, by, delivery)
        case _:
            response = _escalate(edge, subject, by, delivery)
    return await responded(response, edge.deadlines.slack)


async def _escalate(edge: Edge, clicked: buttons.OccurrenceRef, by: Actor, delivery: Delivery) -> Answer:
    """Notify the next tier, unless the button belongs to an earlier occurrence, which the person meant."""
    await _expect_current(edge, clicked, "no one was notified")
    return await edge.respond.escalate(clicked.incident_id, by, delivery=delivery)


async def _declare(edge: Edge, clicked: buttons.OccurrenceRef, by: Actor, delivery: Delivery) -> Answer:
    """Declare the incident, unless the button belongs to an earlier occurrence, which the person meant."""
    await _expect_current(edge, clicked, "it was not declared")
    return await edge.respond.apply(clicked.incident_id, Declare(by=by), delivery=delivery)


async def _expect_current(edge: Edge, clicked: buttons.OccurrenceRef, result: str) -> None:
    """Check that a button belongs to the current occurrence.

    Raises:
        IllegalTransition: The button belongs to an earlier one.
    """
    incident = await edge.store.read(lambda reader: reader.incident(clicked.incident_id))
    if incident is not None and incident.occurrence != clicked.occurrence:
        message = f"the button belongs to occurrence {clicked.occurrence}, but {incident.occurrence} is the current one"
        raise IllegalTransition(f"{message}; {result}")


# Functions for all providers


async def responded(response: Awaitable[Answer], deadline: float) -> str:
    """Wait for the commit of a response; return a note about the outcome.

    A response that the incident's state does not allow is not an error, because an error
    would only make the provider retry it.

    Raises:
        Refusal: The response was not committed within ``deadline`` seconds.
    """
    try:
        async with asyncio.timeout(deadline):
            answer = await response
    except (UnknownName, IllegalTransition, InvalidValue) as error:
        return str(error)
    except TimeoutError:
        message = "the response was not committed in time; send it again"
        raise Refusal(503, "unavailable", message, headers=BUSY) from None
    return answer.note or ("done" if answer.changed else "nothing left to do")


def secrets_of(inbound: Inbound, provider: str) -> list[str]:
    """Return the secrets with which a provider may sign.

    Raises:
        Refusal: No secret is configured, so no signature can be verified.
    """
    if not inbound.secrets:
        message = f"inbound.{provider}.secrets in tocsin.yaml is empty; add the secret that {provider} signs with"
        raise Refusal(403, "not_configured", message, reason="auth")
    return [shared.secret.reveal() for shared in inbound.secrets]


def wrong_signature(status: int) -> Refusal:
    """Return the refusal of a request with a wrong or expired signature."""
    return Refusal(status, "bad_signature", "the signature matches no configured secret, or is too old", reason="auth")


def believe(request: web.Request, provider: str) -> None:
    """Mark a request as authenticated by its signature: later errors are not counted as failed logins."""
    request[CALLER] = Caller(provider, is_person=False, scopes=frozenset())


def stranger(name: Any, user_id: str) -> str:
    """Return the name of a user who is not in people.yaml, in a form that differs from all names there."""
    return f"{name} ({user_id})" if name else user_id or "unknown user"
