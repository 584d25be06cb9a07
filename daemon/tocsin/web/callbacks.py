"""``POST /webhooks/slack``: pressed buttons; and what every provider's callbacks have in common.

A callback is believed by its signature over the raw bytes. Providers repeat what
was not answered in time, so everything passes `Respond` with a delivery key.
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
from tocsin.core.errors import IllegalTransition, UnknownName
from tocsin.core.event import Actor
from tocsin.web.answers import BUSY, Refusal, webhook_answer
from tocsin.web.auth import CALLER, Caller
from tocsin.web.bodies import read_body
from tocsin.web.keys import EDGE, Answer, Delivery, Edge
from tocsin.web.signatures import slack_signed

_log = structlog.get_logger("tocsin.web.callbacks")


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
    """Take one click; 200 and nothing else once it is committed.

    Raises:
        Refusal: The signature is wrong or old, or the store is too slow.
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
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(400, "malformed", f"cannot be read: {error}", reason="malformed") from None
    if payload.type == "url_verification":
        return webhook_answer({"challenge": payload.challenge})
    if payload.type == "block_actions":
        for action in payload.actions:
            note = await _take_click(edge, payload.user, action)
            _log.info("slack_click", action=action.action_id, value=action.value, user=payload.user.id, note=note)
    return webhook_answer()


def _slack_json(content_type: str, body: bytes) -> bytes:
    if content_type == "application/json":
        return body
    fields = urllib.parse.parse_qs(body.decode())
    return fields.get("payload", ["{}"])[0].encode()


async def _take_click(edge: Edge, user: _SlackUser, action: _SlackAction) -> str:
    """Carry out one click; returns what became of it."""
    subject = buttons.read_value(action.value or "")
    if action.action_id not in buttons.ACTIONS or subject is None:
        return "means nothing here"
    incident_id, occurrence = subject
    person = edge.policy().people.by_slack(user.id)
    # Slack has vouched for who it is, so somebody whom people.yaml does not know may act too; the name then says so,
    # since everybody in Slack chooses their own.
    by = Actor(person.name if person else stranger(user.username, user.id), "slack")
    delivery = ("slack", f"{user.id}/{action.action_id}/{action.value}/{action.action_ts}")
    match action.action_id:
        case buttons.ACKNOWLEDGE:
            response = edge.respond.acknowledge(incident_id, by, occurrence=occurrence, delivery=delivery)
        case buttons.RESOLVE:
            response = edge.respond.resolve(incident_id, by, occurrence=occurrence, delivery=delivery)
        case _:
            response = _escalate(edge, subject, by, delivery)
    return await responded(response, edge.deadlines.slack)


async def _escalate(edge: Edge, seen: buttons.Subject, by: Actor, delivery: Delivery) -> Answer:
    """Notify the next tier, unless the button is under an older occurrence's message: nobody meant this one by it."""
    incident = await edge.store.read(lambda reader: reader.incident(seen.incident_id))
    if incident is not None and incident.occurrence != seen.occurrence:
        told = f"that was occurrence {seen.occurrence}; {incident.occurrence} is going on: nobody was notified"
        raise IllegalTransition(told)
    return await edge.respond.escalate(seen.incident_id, by, delivery=delivery)


# Every provider.


async def responded(response: Awaitable[Answer], deadline: float) -> str:
    """Wait for a response's commit; returns what became of it.

    What the incident does not allow any more is no error here: it would only come again.
    """
    try:
        async with asyncio.timeout(deadline):
            answer = await response
    except (UnknownName, IllegalTransition) as error:
        return str(error)
    except TimeoutError:
        raise Refusal(503, "unavailable", "not committed in time", headers=BUSY) from None
    return answer.note or ("done" if answer.changed else "nothing left to do")


def secrets_of(inbound: Inbound, provider: str) -> list[str]:
    """What a provider may have signed with.

    Raises:
        Refusal: Nothing is configured, so nobody is believed.
    """
    if not inbound.secrets:
        raise Refusal(403, "not_configured", f"inbound.{provider}.secrets holds no secret", reason="auth")
    return [shared.secret.reveal() for shared in inbound.secrets]


def wrong_signature(status: int) -> Refusal:
    """The answer to somebody who is not who they say."""
    return Refusal(
        status, "bad_signature", "the signature is of no secret in the configuration, or too old", reason="auth"
    )


def believe(request: web.Request, provider: str) -> None:
    """Note that a request has a good signature: what is wrong with it after that is no stranger's doing."""
    request[CALLER] = Caller(provider, is_person=False, scopes=frozenset())


def stranger(name: Any, user_id: str) -> str:
    """Somebody whom people.yaml does not know; never spelt like somebody whom it does."""
    return f"{name} ({user_id})" if name else user_id or "somebody"
