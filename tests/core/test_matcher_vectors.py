"""Both matcher grammars against test vectors: tocsin's own, and Alertmanager's if TOCSIN_CORPUS names the corpus."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from contracts import CORPUS
from tocsin.core.errors import MatcherError
from tocsin.core.matching.matcher import Matchers, parse_classic, parse_utf8

OWN = Path(__file__).parent.parent / "fixtures" / "matchers" / "vectors.json"


def exactly_one(text: str) -> Matchers:
    found = parse_utf8(text)
    if len(found) != 1:
        raise MatcherError("not one matcher", 0, len(text))
    return found


PARSERS = {
    "utf8_matchers": parse_utf8,
    "utf8_single_matcher": exactly_one,
    "classic_matchers": parse_classic,
}


def vectors(path: Path) -> list[Any]:
    groups = json.loads(path.read_text())
    found = [(group, vector) for group in PARSERS for vector in groups[group]]
    return [
        pytest.param(group, vector, id=f"{group}: {vector.get('name') or vector['input']}") for group, vector in found
    ]


PATHS = [OWN, *([Path(CORPUS) / "alertmanager" / "matchers" / "vectors.json"] if CORPUS else [])]


@pytest.mark.parametrize(("group", "vector"), vectors(OWN))
def test_own_vectors_are_read_as_they_say(group: str, vector: dict[str, Any]) -> None:
    parse = PARSERS[group]
    if "parsed" in vector:
        assert [[m.name, m.op, m.value] for m in parse(vector["input"])] == vector["parsed"]
    else:
        with pytest.raises(MatcherError) as error:
            parse(vector["input"])
        assert [error.value.start, error.value.end] == vector["error"]


@pytest.mark.parametrize(("path", "count"), list(zip(PATHS, (78, 128), strict=False)))
def test_no_vector_is_left_out(path: Path, count: int) -> None:
    assert len(vectors(path)) == count


@pytest.mark.parametrize(("group", "vector"), [vector for path in PATHS for vector in vectors(path)])
def test_vectors_are_accepted_and_refused_as_by_alertmanager(group: str, vector: dict[str, Any]) -> None:
    if vector.get("ok", "parsed" in vector):
        PARSERS[group](vector["input"])
        return
    with pytest.raises(MatcherError) as error:
        PARSERS[group](vector["input"])
    said = vector.get("error")
    if isinstance(said, str) and (columns := re.match(r"(\d+):(\d+): ", said)):
        assert (error.value.start, error.value.end) == (int(columns[1]), int(columns[2]))
