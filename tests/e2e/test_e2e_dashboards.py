"""Each expression of the dashboards, asked of the real Prometheus after a short life of tocsin, has data."""

import re
from pathlib import Path

from dashboards.files import NAMES, queries
from e2e.dashboard_road import is_data, travelled

MOST_SERIES = 40
"""Maximum number of series of a panel with one playbook: a person must be able to tell them apart."""


async def test_each_panel_and_annotation_has_data_after_a_short_life(tmp_path: Path) -> None:
    async with travelled(tmp_path) as road:
        seen = []
        for name in NAMES:
            values = await road.filled(name)
            seen += [await road.ask(query, values) for query in queries(name)]
        pages = await road.prometheus.value('tocsin_deliveries_total{exported_job="page",outcome="sent"}')

    assert len(seen) > 100
    assert [one.query.where for one in seen if not is_data(one)] == []
    assert [one.query.where for one in seen if len(one.values) > MOST_SERIES] == []
    shown = {one.query.where: set(re.findall(r"{{(\w+)}}", one.query.legend)) for one in seen}
    lacking = [one.query.where for one in seen for labels in one.labels if shown[one.query.where] - labels.keys()]
    assert lacking == []
    assert pages is not None, "config/prometheus/README.md says what Prometheus calls the label `job`"
