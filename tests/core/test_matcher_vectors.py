"""Both grammars against vectors: tocsin's own, and Alertmanager's where TOCSIN_CORPUS names the corpus."""

import json
import os
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tocsin.core.errors import MatcherError
from tocsin.core.matcher import parse_classic, parse_matcher, parse_utf8

OWN = Path(__file__).parent.parent / "fixtures" / "matchers" / "vectors.json"
CORPUS = os.environ.get("TOCSIN_CORPUS", "")

PARSERS = {
    "utf8_matchers": parse_utf8,
    "utf8_single_matcher": partial(parse_matcher, parse=parse_utf8),
    "classic_matchers": parse_classic,
}


def vectors(path: Path) -> list[Any]:
    groups = json.loads(path.read_text())
    found = [(group, vector) for group in PARSERS for vector in groups[group]]
    return [
        pytest.param(group, vector, id=f"{group}: {vector.get('name') or vector['input']}") for group, vector in found
    ]


def upstream_vectors() -> list[Any]:
    return vectors(Path(CORPUS) / "alertmanager" / "matchers" / "vectors.json") if CORPUS else []


@pytest.mark.parametrize(("group", "vector"), vectors(OWN))
def test_own_vectors_are_read_as_they_say(group: str, vector: dict[str, Any]) -> None:
    parse = PARSERS[group]
    if "parsed" in vector:
        found = parse(vector["input"])
        listed = found if isinstance(found, tuple) else (found,)
        assert [[m.name, m.op, m.value] for m in listed] == vector["parsed"]
    else:
        with pytest.raises(MatcherError) as error:
            parse(vector["input"])
        assert [error.value.start, error.value.end] == vector["error"]


@pytest.mark.skipif(not CORPUS, reason="TOCSIN_CORPUS is not set")
def test_the_corpus_has_all_its_vectors() -> None:
    assert len(upstream_vectors()) == 128


@pytest.mark.parametrize(("group", "vector"), upstream_vectors())
def test_alertmanagers_vectors_are_accepted_and_refused_as_by_alertmanager(group: str, vector: dict[str, Any]) -> None:
    if vector["ok"]:
        PARSERS[group](vector["input"])
        return
    with pytest.raises(MatcherError) as error:
        PARSERS[group](vector["input"])
    if columns := re.match(r"(\d+):(\d+): ", vector.get("error") or ""):
        assert (error.value.start, error.value.end) == (int(columns[1]), int(columns[2]))
