"""The Statuspage tracker: realtime incidents, as Atlassian's API has them (contract: Statuspage's OpenAPI document)."""

from typing import Any

import aiohttp
from msgspec import structs

from tocsin.channels import http
from tocsin.channels.text import cut, plain
from tocsin.core.content.page import Content
from tocsin.core.incident.outbox import Job
from tocsin.ports.channel import Outcome, Reason, Receipt
from tocsin.ports.tracker import Words
from tocsin.trackers.client import ApiTracker, Client, Do, text, ticket_ref
from tocsin.trackers.statuspage.settings import StatuspageSettings

NAME_LIMIT = 255
"""Maximum length of an incident's name, in characters."""
BODY_LIMIT = 25_000
"""Maximum length of an update's text, in characters."""
STATUSES = ("investigating", "identified", "monitoring", "resolved")
"""The statuses of a realtime incident, in order."""
TOO_MANY = 420
"""Statuspage's own status for its rate limit, in addition to 429."""

_PLAIN = {
    "investigating": "We are investigating this incident.",
    "identified": "The cause has been found, and is being removed.",
    "monitoring": "It works again; we keep watching it.",
    "resolved": "This incident has been resolved.",
}


class StatuspageTracker(ApiTracker):
    """One status page. Its texts are public: without a template they contain no internal information.

    An attempt without a response may have opened an incident: each has our key in its metadata, by which the next
    attempt finds it.
    """

    kind = "statuspage"

    def __init__(self, name: str, settings: StatuspageSettings) -> None:
        self._settings = settings
        self._incidents = f"/pages/{settings.page}/incidents"
        token = settings.token.reveal()
        headers = {"Authorization": f"OAuth {token}", "Accept": "application/json"}
        super().__init__(name, Client(settings.base_url, headers, (token,), settings.timeout, _limited))

    def do(self, job: Job) -> Do:
        """Do a job."""
        how: dict[Job, Do] = {
            Job.TICKET_OPEN: self._open,
            Job.TICKET_UPDATE: self._update,
            Job.TICKET_COMMENT: self._say,
            Job.TICKET_CLOSE: self._say,
        }
        return how[job]

    async def _open(self, content: Content) -> Receipt:
        incident = await self._opened_before(content) if content.possible_duplicate else None
        if incident is None:
            wanted = {
                "name": _name(content),
                "metadata": {"tocsin": {"key": content.key, "incident": content.incident_id}},
                **self._impact(content),
                **self._update_of(content),
            }
            incident = await self._client.call("POST", self._incidents, content.now, {"incident": wanted})
        name = text(incident, "id")
        return ticket_ref(name, name, text(incident, "shortlink"))

    async def _opened_before(self, content: Content) -> Any:
        incidents = await self._client.call("GET", f"{self._incidents}/unresolved", content.now)
        for incident in incidents if isinstance(incidents, list) else ():
            if text(incident, "metadata", "tocsin", "key") == content.key:
                return incident
        return None

    async def _update(self, content: Content) -> Receipt:
        """Post an update if there is a text or a reason; a change of severity alone only sets the impact."""
        if content.text is not None or content.because:
            return await self._say(content)
        impact = self._impact(content)
        if impact:
            await self._client.call("PATCH", self._incident(content), content.now, {"incident": impact})
        return Receipt(Outcome.SENT)

    async def _say(self, content: Content) -> Receipt:
        wanted = self._update_of(content)
        if content.possible_duplicate or content.job is Job.TICKET_CLOSE:  # which may have been opened with this text
            incident = await self._client.call("GET", self._incident(content), content.now)
            updates = incident.get("incident_updates") if isinstance(incident, dict) else None
            newest = updates[0] if isinstance(updates, list) and updates else None
            if (text(newest, "body"), text(newest, "status")) == (wanted["body"], wanted["status"]):
                return Receipt(Outcome.SENT)
        await self._client.call("PATCH", self._incident(content), content.now, {"incident": wanted})
        return Receipt(Outcome.SENT)

    def _update_of(self, content: Content) -> dict[str, Any]:
        status = _status_of(content)
        update: dict[str, Any] = {
            "status": status,
            "body": _body(content, status),
            "deliver_notifications": self._settings.notify,
        }
        component = self._settings.components.get(content.service)
        if component is not None:
            broken = self._settings.broken.get(content.severity, "partial_outage")
            update["component_ids"] = [component]
            update["components"] = {component: "operational" if status == "resolved" else broken}
        return update

    def words(self, content: Content) -> Words:
        """Return the public words, with the text of the update: a person reads them before they are sent."""
        opens = content.job is Job.TICKET_OPEN
        body = cut(content.update.strip(), BODY_LIMIT) or _body(content, _status_of(content))
        return Words(_name(content) if opens else "", body)

    def _impact(self, content: Content) -> dict[str, Any]:
        impact = self._settings.impact.get(content.severity)
        return {"impact_override": impact} if impact else {}

    def _incident(self, content: Content) -> str:
        return f"{self._incidents}/{content.ticket.ref if content.ticket is not None else ''}"


def _name(content: Content) -> str:
    about = plain(content.service, NAME_LIMIT // 2) or "our service"
    return plain(content.subject, NAME_LIMIT) or f"Incident affecting {about}"


def _body(content: Content, status: str) -> str:
    message = content.text.plain if content.text is not None else _PLAIN[status]
    return cut(message.strip(), BODY_LIMIT)


def _status_of(content: Content) -> str:
    return STATUSES[-1] if content.job is Job.TICKET_CLOSE else _status(content)


def _status(content: Content) -> str:
    """Return the playbook's status if Statuspage has one of that name; a resolved incident stays ``resolved``."""
    if content.state == "resolved":
        return STATUSES[-1]
    status = content.status.casefold()
    return status if status in STATUSES[:-1] else STATUSES[0]


def _limited(answer: aiohttp.ClientResponse, receipt: Receipt, now: int) -> Receipt:
    if answer.status != TOO_MANY:
        return receipt
    wait = http.retry_after(answer.headers, now)
    return structs.replace(receipt, outcome=Outcome.RETRY, reason=Reason.RATE_LIMITED, retry_after=wait)
