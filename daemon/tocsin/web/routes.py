"""Every way in: one line each, and what its caller must be allowed to do. What is not here does not exist."""

from tocsin.conf.settings import Scope
from tocsin.engine.explain.alert import AlertExplanation
from tocsin.engine.explain.incident import IncidentExplanation
from tocsin.engine.explain.stored import StoredExplanation
from tocsin.web import (
    alertmanager,
    alerts,
    api,
    callbacks,
    declaring,
    drafts,
    health,
    messages,
    oncall,
    openapi,
    pagerduty,
    query,
    telephone,
    windows,
    work,
)
from tocsin.web.guard import Access, Handler, Route
from tocsin.web.keys import ReloadResult
from tocsin.web.views import AlertPage, IncidentDetail, IncidentPage, QuarantinePage, Response, ShadowView

_INCIDENT = "/api/v1/incidents/{ref:[A-Za-z0-9-]{1,64}}"
_SOURCE = "{source:[A-Za-z0-9][A-Za-z0-9_.-]{0,62}}"

_FINGERPRINT = "{fingerprint:[^/]{1,300}}"

_LIMIT = f"how many at most, up to {query.MAX_LIMIT}; {query.DEFAULT_LIMIT} unless given"
_FILTERS = {
    "state": "pending, triggered, acknowledged, snoozed or resolved; may be given several times",
    "severity": "a severity of a playbook",
    "service": "a service",
    "playbook": "a playbook",
    "storm": "the number of a storm: its members",
    "limit": _LIMIT,
    "cursor": "`next` of the page before",
}


_ALERT = {
    "fingerprint": "the alert's fingerprint; has to be given",
    "source": "the name of one Alertmanager, or of one HA group of them; all of them unless given",
    "limit": _LIMIT,
}
_EPISODE = {"episode": "the number of one episode; the newest unless given"}


def _response(name: str, handler: Handler, takes: type) -> Route:
    return Route("POST", f"{_INCIDENT}/{name}", handler, Scope.RESPOND, wants_json=True, takes=takes, gives=Response)


def _window(path: str, handler: Handler, takes: type, gives: type, scope: Scope = Scope.RESPOND) -> Route:
    return Route("POST", f"/api/v1/windows{path}", handler, scope, wants_json=True, takes=takes, gives=gives)


ROUTES: tuple[Route, ...] = (
    Route("POST", "/webhooks/alertmanager", alertmanager.receive, Scope.INGEST, "alertmanager"),
    Route("POST", "/webhooks/alertmanager/", alertmanager.receive, Scope.INGEST, "alertmanager"),
    Route("POST", f"/webhooks/alertmanager/{_SOURCE}", alertmanager.receive, Scope.INGEST, "alertmanager"),
    Route("POST", "/webhooks/pagerduty", pagerduty.pagerduty, Access.SIGNED, "pagerduty"),
    Route("POST", "/webhooks/slack", callbacks.slack, Access.SIGNED, "slack"),
    Route("POST", "/webhooks/twilio", telephone.twilio, Access.SIGNED, "twilio"),
    Route("POST", "/webhooks/{path:.*}", alertmanager.refuse, Scope.INGEST, "webhooks"),
    Route("GET", "/api/v1/incidents", api.list_incidents, Scope.READ, query=_FILTERS, gives=IncidentPage),
    Route(
        "POST",
        "/api/v1/incidents",
        declaring.declare,
        Scope.RESPOND,
        wants_json=True,
        takes=declaring.NewIncident,
        gives=Response,
    ),
    Route("GET", "/api/v1/playbooks", declaring.playbooks, Scope.READ, gives=declaring.PlaybookList),
    Route("GET", _INCIDENT, api.show_incident, Scope.READ, gives=IncidentDetail),
    Route("GET", f"{_INCIDENT}/explain", api.explain_one, Scope.READ, gives=IncidentExplanation),
    _response("acknowledge", api.acknowledge, api.Occurrence),
    _response("resolve", api.resolve, api.Occurrence),
    _response("snooze", api.snooze, api.SnoozeWish),
    _response("unsnooze", api.unsnooze, api.Nothing),
    _response("replan", api.replan, api.Nothing),
    _response("escalate", api.escalate, api.Nothing),
    _response("severity", api.severity, api.Severity),
    _response("flags", api.flags, api.Flags),
    _response("facts", messages.facts, messages.Facts),
    _response("declare", work.declare, work.Declaration),
    _response("notes", work.add_note, work.Note),
    _response("updates", work.post_update, work.Update),
    _response("status", work.set_status, work.Status),
    _response("roles", work.take_role, work.RoleWish),
    _response("ticks", work.tick, work.TickWish),
    _response("merge", work.merge, work.MergeWish),
    _response("split", work.split, api.Nothing),
    _response("link", work.link, work.LinkWish),
    _response("action-items", work.add_item, work.NewItem),
    _response("action-items/{item:[0-9]{1,9}}/done", work.end_item, api.Nothing),
    _response("postmortem", work.end_post_mortem, work.PostMortemWord),
    Route("GET", f"{_INCIDENT}/drafts", drafts.show, Scope.READ, gives=drafts.DraftList),
    _response("drafts/{draft:[0-9]{1,9}}/confirm", drafts.confirm, drafts.Confirmation),
    _response("drafts/{draft:[0-9]{1,9}}/discard", drafts.discard, drafts.Refusal),
    Route("GET", f"{_INCIDENT}/postmortem", messages.post_mortem, Scope.READ, gives=messages.PostMortemView),
    Route(
        "POST",
        "/api/v1/explain",
        alerts.explain,
        Scope.READ,
        wants_json=True,
        takes=alerts.Asked,
        gives=AlertExplanation,
    ),
    Route("GET", "/api/v1/alerts", alerts.list_alerts, Scope.READ, query=_ALERT, gives=AlertPage),
    Route(
        "GET",
        f"/api/v1/alerts/{_SOURCE}/{_FINGERPRINT}/explain",
        alerts.explain_stored_alert,
        Scope.READ,
        query=_EPISODE,
        gives=StoredExplanation,
    ),
    Route("GET", "/api/v1/windows", windows.list_windows, Scope.READ, gives=windows.WindowList),
    _window("", windows.create_window, windows.NewWindow, windows.WindowView),
    _window("/preview", windows.preview_window, windows.WindowMatch, windows.PreviewView, Scope.READ),
    _window("/{window:[A-Za-z0-9-]{1,64}}/end", windows.end_window, windows.EndNow, windows.EndedWindow),
    Route("GET", "/api/v1/oncall", oncall.show, Scope.READ, query=oncall.QUERY, gives=oncall.OnCallView),
    Route(
        "POST",
        "/api/v1/oncall/overrides",
        oncall.create_override,
        Scope.RESPOND,
        wants_json=True,
        takes=oncall.NewOverride,
        gives=oncall.OverrideView,
    ),
    Route(
        "POST",
        "/api/v1/oncall/overrides/{override:[A-Za-z0-9-]{1,64}}/end",
        oncall.end_override,
        Scope.RESPOND,
        wants_json=True,
        takes=oncall.EndOverride,
        gives=oncall.OverrideView,
    ),
    Route("GET", "/api/v1/quarantine", api.list_quarantined, Scope.READ, query={"limit": _LIMIT}, gives=QuarantinePage),
    Route("GET", "/api/v1/status", health.status, Scope.READ),
    Route("GET", "/api/v1/shadow", health.shadow, Scope.READ, gives=ShadowView),
    Route("GET", "/api/v1/openapi.json", openapi.serve, Scope.READ),
    Route("GET", "/-/healthy", health.healthy, Access.OPEN),
    Route("GET", "/-/ready", health.ready, Access.OPEN),
    Route("POST", "/-/reload", health.reload, Scope.ADMIN, query=health.RELOAD_QUERY, gives=ReloadResult),
    Route("GET", "/metrics", health.metrics, Access.OPEN),
    Route("GET", "/", health.index, Access.OPEN),
)
