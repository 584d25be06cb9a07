"""Anyone may ask for the metrics as often as they like."""

import gzip

import pytest
from aiohttp.test_utils import make_mocked_request

from tocsin.web.answers import Refusal
from tocsin.web.exposed import FRESH_FOR, MOST_FORMS, Exposed


class Counting:
    """Renders how often it was asked."""

    renderings = 0

    def render(self, accept: str = "") -> tuple[bytes, str]:
        self.renderings += 1
        return f"{self.renderings} {accept}".encode(), "text/plain"


def test_however_often_they_are_asked_for_the_metrics_are_rendered_a_few_times() -> None:
    counting, time = Counting(), 10.0
    exposed = Exposed(counting, lambda: time)
    bodies = {exposed.answer(make_mocked_request("GET", "/metrics")).body for _ in range(1000)}
    assert bodies == {b"1 "}
    refused = 0
    for number in range(1000):
        try:
            exposed.answer(make_mocked_request("GET", "/metrics", {"Accept": str(number)}))
        except Refusal as refusal:
            refused += refusal.status == 503
    assert (counting.renderings, refused) == (MOST_FORMS, 1001 - MOST_FORMS)
    time += FRESH_FOR
    assert exposed.answer(make_mocked_request("GET", "/metrics")).body == b"9 "


@pytest.mark.parametrize(("encoding", "packed"), [("gzip, deflate", True), ("", False)])
def test_they_are_packed_for_who_can_unpack_them(encoding: str, packed: bool) -> None:
    answer = Exposed(Counting()).answer(make_mocked_request("GET", "/metrics", {"Accept-Encoding": encoding}))
    assert isinstance(answer.body, bytes)
    assert (gzip.decompress(answer.body) if packed else answer.body) == b"1 "
    assert answer.headers.get("Content-Encoding") == ("gzip" if packed else None)
