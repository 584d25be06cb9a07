"""The table of metrics, generated from the catalog: ``python -m tocsin.telemetry.document PAGE`` writes it."""

import sys

from tocsin.conf.document import write
from tocsin.telemetry.catalogue import CATALOGUE, PREFIX, Metric


def metrics_table() -> str:
    """Return the table of all metrics in Markdown."""
    return "".join(("\n| metric | type | labels | meaning |\n|---|---|---|---|\n", *map(_row, CATALOGUE), "\n"))


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{PREFIX}{metric.name}` | {metric.kind} | {labels} | {metric.help} |\n"


PARTS = {"metrics": metrics_table}
"""The function that generates each part of the page, by name."""

if __name__ == "__main__":
    write(sys.argv[1:], PARTS)
