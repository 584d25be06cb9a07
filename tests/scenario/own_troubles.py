"""Troubles of tocsin's own, as its code reports them."""

from tocsin.engine.deliver.missed import refused
from tocsin.engine.selfwatch.troubles import title_of

CALL_ALEX = "Call Alex Example now at +4915555550100"
TROUBLES = (
    (
        *("unauthorized", "prometheus-eu"),
        "POST /webhooks/alertmanager/prometheus-eu from 192.0.2.7: the token is not in tocsin.yaml",
        "192.0.2.7",
        title_of("unauthorized", "prometheus-eu", "192.0.2.7"),
    ),
    (
        *("silent", "prometheus-eu", "The last Watchdog alert came 10 min ago", ""),
        "No heartbeat from prometheus-eu since 02:50 UTC (expected every minute)",
    ),
    (
        *("dead", "sms", refused("sms", "21614: the number cannot receive SMS"), "page of incident 1 for alex"),
        "Alex Example was NOT reached by SMS about #1 payments: Nobody can pay (SEV-2; no one has it)",
        f"{CALL_ALEX}.\nOr take #1 yourself: tocsin incidents ack 1",
    ),
    (
        *("strangers", "twilio", "wrong signature from 192.0.2.7", ""),
        title_of("strangers", "twilio", "192.0.2.7"),
    ),
)
