"""PagerDuty's REST API v2, for data that its webhooks leave out: the alerts of an incident."""

import re

from tocsin.channels.json_api import CallFailed, Client, text
from tocsin.conf.settings import PagerDutyInbound
from tocsin.ports.channel import Outcome, Reason, Receipt

PAGE = 100
"""The most alerts that PagerDuty lists at once."""
PAGES = 5
"""Maximum number of responses that are read for the alerts of one incident."""

_ID = re.compile(r"[A-Za-z0-9]{1,64}")


async def alert_keys(settings: PagerDutyInbound, incident_id: str, now: int, within: int) -> tuple[str, ...]:
    """Return the dedup keys of an incident's alerts (``GET /incidents/{id}/alerts``), from at most `PAGES` pages.

    ``within`` limits each request, in microseconds.

    Raises:
        CallFailed: There is no response, or it is an error.
    """
    if settings.rest_key is None or not _ID.fullmatch(incident_id):
        raise CallFailed(Receipt(Outcome.PERMANENT, Reason.CLIENT_ERROR, "there is nothing to ask PagerDuty with"))
    key = settings.rest_key.reveal()
    headers = {"Authorization": f"Token token={key}", "Accept": "application/vnd.pagerduty+json;version=2"}
    client = Client(settings.rest_url, headers, (key,), within)
    client.start()
    try:
        return await _listed(client, f"/incidents/{incident_id}/alerts", now)
    finally:
        await client.close()


async def _listed(client: Client, path: str, now: int) -> tuple[str, ...]:
    keys: list[str] = []
    for page in range(PAGES):
        answer = await client.call("GET", path, now, limit=str(PAGE), offset=str(page * PAGE))
        alerts = answer.get("alerts") if isinstance(answer, dict) else None
        if not isinstance(alerts, list):
            raise CallFailed(Receipt(Outcome.AMBIGUOUS, Reason.BAD_ANSWER, "the answer holds no list of alerts"))
        keys += filter(None, (text(alert, "alert_key") for alert in alerts))
        if answer.get("more") is not True:
            break
    return tuple(dict.fromkeys(keys))
