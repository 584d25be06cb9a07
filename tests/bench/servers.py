"""The measured servers: tocsin, a server that does nothing, and Alertmanager."""

import resource
import sys
from pathlib import Path
from typing import Any

import yaml

from e2e.processes import Process, binary, free_port
from e2e.tocsin_process import Tocsin, alert

HERE = Path(__file__).parent

ROLES = (
    *("on-call-engineer", "engineering-manager", "vp-engineering", "cto", "ceo", "legal", "security", "incidents"),
    *("incident-commander", "communication-lead", "stakeholders", "engineering-lead", "product", "customer-support"),
)


class Noop(Process):
    """The do-nothing server."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.ready_url = f"{self.url}/-/ready"
        super().__init__("noop", [sys.executable, str(HERE / "noop_server.py"), str(port)], folder)


class SilentAlertmanager(Process):
    """Alertmanager with a receiver that sends nothing: all that it does is to keep alerts in memory."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.ready_url = f"{self.url}/-/ready"
        config = folder / "alertmanager.yml"
        route = {"receiver": "nobody", "group_by": ["alertname"]}
        config.write_text(yaml.safe_dump({"route": route, "receivers": [{"name": "nobody"}]}))
        super().__init__(
            "alertmanager",
            [
                binary("prometheus-alertmanager"),
                f"--config.file={config}",
                f"--storage.path={folder / 'alertmanager'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address=",
                "--log.level=error",
            ],
            folder,
        )


def tocsin(folder: Path, pages_to: str, *, commit_process: bool = True) -> Tocsin:
    """The daemon: shipped rules and playbook, a token, SQLite on disk, pages to one webhook."""
    settings: dict[str, Any] = {
        "channels": {"wire": {"kind": "webhook", "url": pages_to}},
        "log": {"level": "warning"},
        "store": {"commit_process": commit_process},
        # Every incident is to be paged; and as many as could be a storm are remembered, so within a second only.
        "defaults": {"storm": {"more_than": 1_000_000, "within": "1s"}},
    }
    people = {
        "people": {"alex": {"contact": {"channel": "wire"}}},
        "groups": {role: ["alex"] for role in ROLES},
    }
    return Tocsin(folder / "tocsin", settings=settings, people=people)


async def open_incidents(daemon: Tocsin, count: int) -> None:
    """Open that many incidents for alerts to join, and wait until everybody is paged."""
    labels = {"cluster": "eu-west-1", "namespace": "shop"}
    services = [f"svc-{number}" for number in range(count)]
    for start in range(0, count, 100):
        part = services[start : start + 100]
        status = await daemon.fire(*(alert("HighErrorRate", service=name, **labels) for name in part))
        assert status == 200


def cpu_seconds(pid: int) -> float:
    """The processor time that a running process and those that it has started have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return (int(fields[11]) + int(fields[12])) / 100 + sum(cpu_seconds(int(child)) for child in children)


def children_cpu_seconds() -> float:
    """The processor time of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
