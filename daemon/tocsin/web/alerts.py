"""``/api/v1/alerts`` and ``/api/v1/explain``: alerts that came, and alerts that might."""

from aiohttp import web
from msgspec import Struct

from tocsin.core.alert import Alert, AlertStatus, fingerprint
from tocsin.core.errors import StoreUnavailable, UnknownName
from tocsin.engine.explain.alert import explain_alert
from tocsin.engine.explain.stored import StoredExplanation, explain_stored
from tocsin.ports.store import Reader
from tocsin.web.answers import bad_request, json_answer
from tocsin.web.bodies import read_json
from tocsin.web.keys import EDGE
from tocsin.web.query import DEFAULT_LIMIT, MAX_LIMIT, expect_known, number
from tocsin.web.views import AlertPage, public, stored_alert_view

_HIGHEST = 2**63 - 1


class Asked(Struct, frozen=True, forbid_unknown_fields=True):
    """For explain: an alert as it might come."""

    labels: dict[str, str]
    annotations: dict[str, str] = {}
    source: str = "default"


async def list_alerts(request: web.Request) -> web.Response:
    """The episodes of an alert, the newest first."""
    expect_known(request, frozenset({"fingerprint", "source", "limit"}))
    wanted, source = request.query.get("fingerprint", ""), request.query.get("source")
    limit = number(request.query, "limit", 1, MAX_LIMIT) or DEFAULT_LIMIT
    if not wanted:
        raise bad_request("name a fingerprint; those of an incident's alerts stand in the incident")
    found = await request.app[EDGE].store.read(lambda reader: reader.episodes(wanted, source, limit))
    return json_answer(public(AlertPage([stored_alert_view(episode) for episode in found])))


async def explain_stored_alert(request: web.Request) -> web.Response:
    """How an alert was judged, rule by rule, and what became of it."""
    expect_known(request, frozenset({"episode"}))
    edge = request.app[EDGE]
    policy = edge.policy()
    key = (request.match_info["source"], request.match_info["fingerprint"])
    wanted = number(request.query, "episode", 1, _HIGHEST)

    def work(reader: Reader) -> StoredExplanation:
        episode = reader.latest_episodes([key]).get(key) if wanted is None else reader.episode(*key, wanted)
        if episode is None:
            which = f"alert {key[1]!r}" if wanted is None else f"episode {wanted} of alert {key[1]!r}"
            raise UnknownName(f"there is no {which} of source {key[0]!r}")
        return explain_stored(reader, policy, episode)

    return json_answer(public(await edge.store.read(work)))


async def explain(request: web.Request) -> web.Response:
    """What would become of an alert; nothing is changed and nobody is told."""
    asked = await read_json(request, Asked)
    edge = request.app[EDGE]
    policy = edge.policy()
    alert = Alert(asked.source, fingerprint(asked.labels), AlertStatus.FIRING, asked.labels, asked.annotations)
    try:
        found = await edge.store.read(lambda reader: explain_alert(policy, alert, reader, reader.now))
    except StoreUnavailable:
        # What the rules say does not depend on it, and this may be when somebody has to know.
        found = explain_alert(policy, alert, None, edge.now())
    return json_answer(public(found))
