"""The route table: all HTTP routes, each with the permission that it requires."""

from tocsin.conf.settings import Scope
from tocsin.core.incident.escalation import RESPONSES
from tocsin.core.measures.report import IncidentReport
from tocsin.engine.explain.alert import AlertExplanation
from tocsin.engine.explain.incident import IncidentExplanation
from tocsin.engine.explain.stored import StoredExplanation
from tocsin.web import openapi
from tocsin.web.alertmanager import webhook as alertmanager
from tocsin.web.api import (
    alerts,
    declare,
    drafts,
    drills,
    health,
    incidents,
    oncall,
    postmortem,
    reports,
    responses,
    windows,
)
from tocsin.web.api.quarantine_views import QuarantinePage
from tocsin.web.api.views import AlertPage, IncidentDetail, IncidentPage, Response, ShadowView
from tocsin.web.callbacks import pagerduty, slack, telephone
from tocsin.web.edge import ReloadResult
from tocsin.web.server import query
from tocsin.web.server.guard import Access, Handler, Route

_INCIDENT = "/api/v1/incidents/{ref:[A-Za-z0-9-]{1,64}}"
_SOURCE = "{source:[A-Za-z0-9][A-Za-z0-9_.-]{0,62}}"

_FINGERPRINT = "{fingerprint:[^/]{1,300}}"

_LIMIT = f"maximum number of items, up to {query.MAX_LIMIT}; by default {query.DEFAULT_LIMIT}"
_FILTERS = {
    "state": "pending, triggered, acknowledged, snoozed or resolved; may be repeated",
    "severity": "the name of a severity",
    "service": "the name of a service",
    "playbook": "the name of a playbook",
    "storm": "the number of a storm, to list its members",
    "duties": "open, to list the incidents with duties that are neither done nor waived",
    "limit": _LIMIT,
    "cursor": "`next` of the previous page",
}


_ALERT = {
    "fingerprint": "the alert's fingerprint; required",
    "source": "the name of an Alertmanager, or of an HA group of Alertmanagers; by default all of them",
    "limit": _LIMIT,
}
_EPISODE = {"episode": "the number of an episode; by default the newest"}


OWN_REQUESTS = {**responses.OWN_REQUESTS, **drafts.OWN_REQUESTS}


def _response(name: str, handler: Handler, takes: type) -> Route:
    return Route("POST", f"{_INCIDENT}/{name}", handler, Scope.RESPOND, wants_json=True, takes=takes, gives=Response)


def _window(path: str, handler: Handler, takes: type, gives: type, scope: Scope = Scope.RESPOND) -> Route:
    return Route("POST", f"/api/v1/windows{path}", handler, scope, wants_json=True, takes=takes, gives=gives)


ROUTES: tuple[Route, ...] = (
    Route("POST", "/webhooks/alertmanager", alertmanager.receive, Scope.INGEST, "alertmanager"),
    Route("POST", "/webhooks/alertmanager/", alertmanager.receive, Scope.INGEST, "alertmanager"),
    Route("POST", f"/webhooks/alertmanager/{_SOURCE}", alertmanager.receive, Scope.INGEST, "alertmanager"),
    Route("POST", "/webhooks/pagerduty", pagerduty.pagerduty, Access.SIGNED, "pagerduty"),
    Route("POST", "/webhooks/slack", slack.slack, Access.SIGNED, "slack"),
    Route("POST", "/webhooks/twilio", telephone.twilio, Access.SIGNED, "twilio"),
    Route("POST", "/webhooks/{path:.*}", alertmanager.refuse, Scope.INGEST, "webhooks"),
    Route("GET", "/api/v1/incidents", incidents.list_incidents, Scope.READ, query=_FILTERS, gives=IncidentPage),
    Route(
        "POST",
        "/api/v1/incidents",
        declare.declare,
        Scope.RESPOND,
        wants_json=True,
        takes=declare.NewIncident,
        gives=Response,
    ),
    Route("GET", "/api/v1/playbooks", declare.playbooks, Scope.READ, gives=declare.PlaybookList),
    Route("GET", _INCIDENT, incidents.show_incident, Scope.READ, gives=IncidentDetail),
    Route("GET", f"{_INCIDENT}/explain", incidents.explain_one, Scope.READ, gives=IncidentExplanation),
    *(_response(each.name, *responses.handled(each, OWN_REQUESTS)) for each in RESPONSES),
    _response("split", responses.split, responses.Nothing),
    Route("GET", "/api/v1/drafts", drafts.show_all, Scope.READ, query=drafts.QUERY, gives=drafts.WaitingDrafts),
    Route("GET", f"{_INCIDENT}/drafts", drafts.show, Scope.READ, gives=drafts.DraftList),
    Route("GET", f"{_INCIDENT}/postmortem", postmortem.post_mortem, Scope.READ, gives=postmortem.PostMortemView),
    Route(
        "POST",
        "/api/v1/explain",
        alerts.explain,
        Scope.READ,
        wants_json=True,
        takes=alerts.HypotheticalAlert,
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
    Route("GET", "/api/v1/reports", reports.show, Scope.READ, query=reports.QUERY, gives=IncidentReport),
    Route("GET", "/api/v1/drills", drills.show, Scope.READ, gives=drills.DrillList),
    Route(
        "GET",
        "/api/v1/quarantine",
        incidents.list_quarantined,
        Scope.READ,
        query={"limit": _LIMIT},
        gives=QuarantinePage,
    ),
    Route("GET", "/api/v1/status", health.status, Scope.READ),
    Route("GET", "/api/v1/shadow", health.shadow, Scope.READ, gives=ShadowView),
    Route("GET", "/api/v1/openapi.json", openapi.serve, Scope.READ),
    Route("GET", "/-/healthy", health.healthy, Access.OPEN),
    Route("GET", "/-/ready", health.ready, Access.OPEN),
    Route(
        "POST",
        "/-/reload",
        health.reload,
        Scope.ADMIN,
        query=health.RELOAD_QUERY,
        gives=ReloadResult,
        gives_400=ReloadResult,
    ),
    Route("GET", "/metrics", health.metrics, Access.OPEN),
    Route("GET", "/", health.index, Access.OPEN),
)
