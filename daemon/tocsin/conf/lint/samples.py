"""Sample alerts: the labels that well-known rule collections and exporters set."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from tocsin.conf.source import Findings, Node, read_yaml

_NODE = {"job": "node-exporter", "instance": "10.0.0.7:9100", "namespace": "monitoring", "pod": "node-exporter-x7k2p"}
_HOST = {"job": "node", "instance": "db1.example.com:9100"}
_STATE = {"job": "kube-state-metrics", "instance": "10.0.0.9:8080", "namespace": "shop"}
_PROMETHEUS = {
    "job": "prometheus-k8s",
    "namespace": "monitoring",
    "pod": "prometheus-k8s-0",
    "instance": "10.0.0.5:9090",
}
_PROBE = {"job": "blackbox", "instance": "https://shop.example.com"}


def _of(alertname: str, severity: str, *labels: Mapping[str, str], **more: str) -> dict[str, str]:
    together = {name: value for part in labels for name, value in part.items()}
    return {"alertname": alertname, "severity": severity, **together, **more}


BUILT_IN: tuple[Mapping[str, str], ...] = (
    # kube-prometheus: workloads, by kube-state-metrics
    _of(
        "KubePodCrashLooping",
        "warning",
        _STATE,
        pod="cart-6d4cf",
        container="cart",
        reason="CrashLoopBackOff",
        uid="7f",
    ),
    _of("KubePodNotReady", "warning", namespace="shop", pod="cart-6d4cf"),
    _of("KubeDeploymentReplicasMismatch", "warning", _STATE, deployment="cart"),
    _of("KubeStatefulSetReplicasMismatch", "warning", _STATE, statefulset="postgres"),
    _of("KubeDaemonSetRolloutStuck", "warning", _STATE, daemonset="fluentd"),
    _of("KubeJobFailed", "warning", _STATE, job_name="backup-289", condition="true"),
    _of("KubeHpaMaxedOut", "warning", _STATE, horizontalpodautoscaler="cart"),
    _of("CPUThrottlingHigh", "info", namespace="shop", pod="cart-6d4cf", container="cart"),
    _of(
        "KubePersistentVolumeFillingUp",
        "critical",
        namespace="shop",
        persistentvolumeclaim="data-postgres-0",
        node="n1",
    ),
    _of("KubeQuotaAlmostFull", "info", namespace="shop", resource="pods"),
    # kube-prometheus: the cluster itself
    _of("KubeNodeNotReady", "warning", _STATE, node="n1", condition="Ready", status="true"),
    _of("KubeNodeUnreachable", "warning", _STATE, node="n1", key="node.kubernetes.io/unreachable", effect="NoSchedule"),
    _of("KubeletDown", "critical"),
    _of("KubeAPIDown", "critical"),
    _of("KubeAPIErrorBudgetBurn", "critical", long="1h", short="5m"),
    _of("KubeCPUOvercommit", "warning"),
    _of("KubeClientCertificateExpiration", "critical", job="apiserver", instance="10.0.0.1:6443", namespace="default"),
    _of("etcdNoLeader", "critical", job="etcd", instance="10.0.0.1:2379"),
    _of("TargetDown", "warning", job="cart", namespace="shop", service="cart"),
    # Prometheus and Alertmanager
    _of("PrometheusBadConfig", "critical", _PROMETHEUS),
    _of("PrometheusNotConnectedToAlertmanagers", "warning", _PROMETHEUS),
    _of(
        "AlertmanagerFailedReload",
        "critical",
        job="alertmanager-main",
        namespace="monitoring",
        pod="alertmanager-main-0",
    ),
    _of("AlertmanagerClusterDown", "warning", namespace="monitoring", service="alertmanager-main"),
    # node exporter, in a cluster and on a host of its own
    _of("NodeFilesystemSpaceFillingUp", "warning", _NODE, device="/dev/sda1", fstype="ext4", mountpoint="/"),
    _of("NodeFilesystemAlmostOutOfSpace", "critical", _HOST, device="/dev/sda1", fstype="ext4", mountpoint="/"),
    _of("NodeClockNotSynchronising", "critical", _HOST),
    _of("NodeRAIDDegraded", "critical", _HOST, device="md0"),
    _of("NodeSystemdServiceFailed", "warning", _HOST, name="nginx.service", state="failed", type="simple"),
    _of("NodeNetworkReceiveErrs", "warning", _NODE, device="eth0"),
    _of("HostOutOfMemory", "warning", _HOST),
    _of("InstanceDown", "critical", _HOST),
    # blackbox exporter
    _of("ProbeFailed", "critical", _PROBE),
    _of("BlackboxSslCertificateWillExpireSoon", "warning", _PROBE),
    # databases and queues, as their exporters label them
    _of("PostgresqlDown", "critical", job="postgres", instance="db1:9187", server="db1:5432"),
    _of("MysqlTooManyConnections", "warning", job="mysql", instance="db2:9104"),
    _of("RedisDown", "critical", job="redis", instance="cache1:9121"),
    _of("RabbitmqNodeDown", "critical", job="rabbitmq", instance="mq1:15692"),
    _of("KafkaConsumersGroup", "critical", job="kafka", instance="k1:9308", consumergroup="cart", topic="orders"),
    # applications, as their teams write them
    _of("HighErrorRate", "page", job="cart", service="cart", route="/pay"),
    _of("LatencyHigh", "warning", app="cart", namespace="shop", quantile="0.99"),
    {"alertname": "SomethingIsWrong"},
    # kube-prometheus: what is always there
    {"alertname": "Watchdog", "severity": "none"},
    {"alertname": "InfoInhibitor", "severity": "none", "namespace": "shop"},
)
"""Typical label sets; a rule's texts are tried on those that it matches."""


def samples(rules_dir: Path) -> list[Mapping[str, str]]:
    """Return the alerts of the rules' own tests, and typical ones. Mistakes in a test are left to `tocsin test`."""
    result: list[Mapping[str, str]] = []
    for path in sorted((rules_dir / "tests").rglob("*.yaml")):
        top = read_yaml(path, Findings())
        result += [labels for node in _fired(top) if (labels := _labels(node))] if top is not None else []
    return [*result, *BUILT_IN]


def _fired(node: Node) -> Iterator[Node]:
    """Return everything under a ``fire:`` key, at any depth."""
    for step, child in node.children():
        if step == "fire":
            yield child
        else:
            yield from _fired(child)


def _labels(node: Node) -> Mapping[str, str]:
    return {str(name): child.value for name, child in node.children() if isinstance(child.value, str)}
