"""The public metrics endpoint under frequent requests."""

import gzip

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from tocsin.telemetry.metrics import Metrics
from tocsin.web.server.metrics_endpoint import FRESH_FOR, OPENMETRICS, Exposed

PROMETHEUS = (
    f"{OPENMETRICS};version=1.0.0;escaping=allow-utf-8;q=0.6,{OPENMETRICS};version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


class Counting:
    """Renders how often it was asked."""

    renderings = 0

    def render(self, accept: str = "") -> tuple[bytes, str]:
        self.renderings += 1
        return f"{self.renderings} {accept}".encode(), "text/plain"

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Ignore it: what is counted is read elsewhere."""


def test_however_often_they_are_asked_for_the_metrics_are_rendered_a_few_times() -> None:
    counting, time = Counting(), 10.0
    exposed = Exposed(counting, lambda: time)
    bodies = {exposed.answer(make_mocked_request("GET", "/metrics")).body for _ in range(1000)}
    assert bodies == {b"1 "}
    time += FRESH_FOR
    assert exposed.answer(make_mocked_request("GET", "/metrics")).body == b"2 "


@given(accepts=st.lists(st.text("abv019/*;=., ", max_size=30), max_size=4))
def test_any_accept_header_leaves_prometheus_its_metrics(accepts: list[str]) -> None:
    counting = Counting()
    exposed = Exposed(counting, lambda: 10.0)
    versions = [f"{OPENMETRICS};version=1.0.{number}" for number in range(3)]
    for accept in (*accepts, *versions, f"{OPENMETRICS};version=junk", PROMETHEUS):
        assert exposed.answer(make_mocked_request("GET", "/metrics", {"Accept": accept})).status == 200
    assert counting.renderings <= 2


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (PROMETHEUS, f"{OPENMETRICS}; version=1.0.0"),
        (OPENMETRICS, f"{OPENMETRICS}; version=1.0.0"),
        (f"{OPENMETRICS};version=0.0.1,text/plain;version=0.0.4", "text/plain; version=0.0.4"),
        ("*/*", "text/plain; version=0.0.4"),
        ("", "text/plain; version=0.0.4"),
    ],
)
def test_they_come_as_openmetrics_to_who_accepts_it(accept: str, content_type: str) -> None:
    answer = Exposed(Metrics()).answer(make_mocked_request("GET", "/metrics", {"Accept": accept}))
    assert answer.headers["Content-Type"].startswith(content_type)
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"


@pytest.mark.parametrize(("encoding", "packed"), [("gzip, deflate", True), ("", False)])
def test_they_are_packed_for_who_can_unpack_them(encoding: str, packed: bool) -> None:
    answer = Exposed(Counting()).answer(make_mocked_request("GET", "/metrics", {"Accept-Encoding": encoding}))
    assert isinstance(answer.body, bytes)
    assert (gzip.decompress(answer.body) if packed else answer.body) == b"1 "
    assert answer.headers.get("Content-Encoding") == ("gzip" if packed else None)
