"""Recorded metrics as input for promtool, to find which of the shipped alerts would have fired."""

from pathlib import Path

import yaml
from prometheus_client.parser import text_string_to_metric_families

from e2e.processes import binary, run
from e2e.tocsin_process import ROOT

ALERTS = ROOT / "config/prometheus/tocsin-alerts.yml"


class RecordedMetrics:
    """Samples of /metrics, one of each series every ``interval`` seconds."""

    def __init__(self, interval: int) -> None:
        self.interval = interval
        self.scrapes = 0
        self._values: dict[str, list[float | None]] = {}

    def add(self, exposition: str) -> None:
        """Add one scrape."""
        seen = {
            _series(sample.name, sample.labels): sample.value
            for family in text_string_to_metric_families(exposition)
            for sample in family.samples
            if sample.name.startswith("tocsin_")
        }
        seen[_series("up", {"job": "tocsin"})] = 1.0
        for series in seen.keys() | self._values.keys():
            values = self._values.setdefault(series, [None] * self.scrapes)
            values.append(seen.get(series))
        self.scrapes += 1

    async def raised(self, folder: Path) -> str:
        """Return what promtool says about alerts that are pending or firing at any scrape; "" for none."""
        moments = [f"{number * self.interval}s" for number in range(1, self.scrapes)]
        test = {
            "rule_files": [str(ALERTS)],
            "evaluation_interval": f"{self.interval}s",
            "tests": [
                {
                    "interval": f"{self.interval}s",
                    "input_series": [
                        {"series": series, "values": " ".join("_" if one is None else repr(one) for one in values)}
                        for series, values in sorted(self._values.items())
                    ],
                    "promql_expr_test": [{"expr": "ALERTS", "eval_time": moment} for moment in moments],
                }
            ],
        }
        path = folder / "recorded.yml"
        path.write_text(yaml.safe_dump(test, width=1_000_000_000))
        code, said = await run(binary("promtool"), "test", "rules", str(path), within=300)
        return said if code else ""


def _series(name: str, labels: dict[str, str]) -> str:
    inside = ",".join(f'{key}="{_escaped(value)}"' for key, value in sorted(labels.items()))
    return f"{name}{{{inside}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
