"""``/api/v1/reports``: the measures of a period."""

import asyncio

from aiohttp import web

from tocsin.core.errors import InvalidValue
from tocsin.core.measures.report import ReportFilter
from tocsin.engine.measuring.reports import make_report, period_of
from tocsin.web.api.views import encoded
from tocsin.web.edge import EDGE
from tocsin.web.server import query
from tocsin.web.server.answers import bad_request, json_answer

REPORTING: web.AppKey[asyncio.Lock] = web.AppKey("reporting", asyncio.Lock)
"""Held while a report is made: one of twenty thousand incidents takes hundreds of megabytes, so the next one waits."""

QUERY = {
    "month": "a month such as 2026-11; by default the current one",
    "from": "the first day, such as 2026-11-01, instead of `month`",
    "to": "the last day, which belongs to the period; by default today",
    "playbook": "the name of a playbook",
    "service": "the name of a service",
    "team": "the name of a team",
}


async def show(request: web.Request) -> web.Response:
    """Return the measures of a period, and those of the period before."""
    query.expect_known(request, frozenset(QUERY))
    edge, asked = request.app[EDGE], request.query
    policy, now = edge.policy(), edge.now()
    only = ReportFilter(playbook=asked.get("playbook"), service=asked.get("service"), team=asked.get("team"))
    try:
        period = period_of(asked.get("month"), asked.get("from"), asked.get("to"), policy.report_zone, now)
        async with request.app[REPORTING]:
            made = await make_report(edge.store, policy, now, period, only)
            return json_answer(await asyncio.to_thread(encoded, made))
    except InvalidValue as error:
        raise bad_request(str(error)) from None
