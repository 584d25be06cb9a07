"""``/api/v1/alerts`` and ``/api/v1/explain``: received alerts and hypothetical alerts."""

import msgspec
from aiohttp import web
from msgspec import Struct

from tocsin.core.alerts.alert import Alert, AlertStatus, fingerprint
from tocsin.core.errors import StoreUnavailable, UnknownName
from tocsin.engine.explain.alert import explain_alert
from tocsin.engine.explain.stored import explain_stored
from tocsin.ports.observer import Limit
from tocsin.ports.store import Reader
from tocsin.web.api.fitting import fitting
from tocsin.web.api.views import encoded, stored_alert_view
from tocsin.web.edge import EDGE
from tocsin.web.server.answers import bad_request, json_answer
from tocsin.web.server.bodies import read_json
from tocsin.web.server.query import DEFAULT_LIMIT, MAX_LIMIT, expect_known, number

_HIGHEST = 2**63 - 1


class HypotheticalAlert(Struct, frozen=True, forbid_unknown_fields=True):
    """A hypothetical alert to explain."""

    labels: dict[str, str]
    annotations: dict[str, str] = {}
    source: str = "default"


async def list_alerts(request: web.Request) -> web.Response:
    """List the episodes of an alert, newest first."""
    expect_known(request, frozenset({"fingerprint", "source", "limit"}))
    edge, source = request.app[EDGE], request.query.get("source")
    alert_fingerprint = request.query.get("fingerprint", "")
    limit = number(request.query, "limit", 1, MAX_LIMIT) or DEFAULT_LIMIT
    if not alert_fingerprint:
        raise bad_request("name a fingerprint; those of an incident's alerts stand in the incident")

    def work(reader: Reader) -> list[msgspec.Raw]:
        episodes = reader.episodes(alert_fingerprint, source, limit)
        alerts, fits = fitting(encoded(stored_alert_view(episode)) for episode in episodes)
        if not fits:
            edge.observer.count("limits_exceeded_total", limit=Limit.ANSWER_BYTES)
        return alerts

    return json_answer({"alerts": await edge.store.read(work)})


async def explain_stored_alert(request: web.Request) -> web.Response:
    """Explain how the rules evaluated an alert, rule by rule, and its outcome."""
    expect_known(request, frozenset({"episode"}))
    edge = request.app[EDGE]
    policy = edge.policy()
    key = (request.match_info["source"], request.match_info["fingerprint"])
    episode_number = number(request.query, "episode", 1, _HIGHEST)

    def work(reader: Reader) -> msgspec.Raw:
        episode = (
            reader.latest_episodes([key]).get(key) if episode_number is None else reader.episode(*key, episode_number)
        )
        if episode is None:
            which = f"alert {key[1]!r}" if episode_number is None else f"episode {episode_number} of alert {key[1]!r}"
            raise UnknownName(f"there is no {which} of source {key[0]!r}")
        return encoded(explain_stored(reader, policy, episode))

    return json_answer(await edge.store.read(work))


async def explain(request: web.Request) -> web.Response:
    """Explain the outcome of a hypothetical alert, without changing anything or notifying anyone."""
    body = await read_json(request, HypotheticalAlert)
    edge = request.app[EDGE]
    policy = edge.policy()

    def judged(reader: Reader | None, now: int) -> msgspec.Raw:
        alert = Alert(body.source, fingerprint(body.labels), AlertStatus.FIRING, body.labels, body.annotations)
        return encoded(explain_alert(policy, alert, reader, now))

    try:
        answer = await edge.store.read(lambda reader: judged(reader, reader.now))
    except StoreUnavailable:
        # The rules do not need the store, and people may need the answer most while it fails.
        answer = judged(None, edge.now())
    return json_answer(answer)
