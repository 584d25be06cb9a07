"""Measure the delays while a webhook of 400,000 alerts is taken: of the event loop, of other senders, of a page.

``python tests/chaos/loop_lag.py --alerts 400000``. Figures without a verdict: they depend on the machine. What must
hold on every machine is counted in tests/web/test_a_large_webhook_takes_turns.py.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import aiohttp

from e2e.processes import until
from e2e.test_e2e_large_webhook import PEOPLE, again_and_again, large_body, peak_memory
from e2e.tocsin_process import Tocsin, alert, webhook
from tocsin.testing.webhook_sink import WebhookSink

PROBE = Path(__file__).with_name("lag_probe.py")
PATH = "/webhooks/alertmanager"
SHARES = (0.5, 0.99, 0.999, 1.0)


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def quantiles(values: list[float]) -> str:
    """Return the quantiles of some durations, in words."""
    ordered = sorted(values)
    found = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in SHARES)
    named = (f"p{share * 100:g} {value * 1000:.1f} ms" for share, value in zip(SHARES, found, strict=True))
    return f"{', '.join(named)} ({len(ordered)} samples)"


async def measure(folder: Path, alerts: int) -> None:
    """Send the large webhook and others beside it, and print what they took."""
    lags = folder / "lags.json"
    async with WebhookSink() as sink:
        settings = {"channels": {"wire": {"kind": "webhook", "url": sink.url}}}
        tocsin = Tocsin(folder / "tocsin", settings=settings, people=PEOPLE, entry=[str(PROBE), str(lags)])
        headers = {"Authorization": f"Bearer {tocsin.token}"}
        timeout = aiohttp.ClientTimeout(total=600)
        async with tocsin, aiohttp.ClientSession(headers=headers, timeout=timeout) as session:

            async def post(body: dict[str, object]) -> None:
                async with session.post(tocsin.url + PATH, json=body) as answer:
                    assert answer.status == 200

            async def send_small(number: int) -> None:
                await post(webhook(alert("Small", service="small", n=str(number), severity="info")))

            async def send_large() -> None:
                while True:  # as Alertmanager does: repeated until it is taken
                    async with session.post(tocsin.url + PATH, data=large_body(alerts)) as answer:
                        if answer.status == 200:
                            return
                    await asyncio.sleep(0.5)

            began = time.time()
            async with again_and_again(send_small, 0.05) as small:
                sending = asyncio.create_task(send_large())
                await asyncio.sleep(2)
                posted = time.monotonic()
                await post(webhook(alert("PageMe", service="other")))
                await until(lambda: any("PageMe" in str(entry["body"]) for entry in sink.accepted), 60, "it is paged")
                paged_after = time.monotonic() - posted
                await sending
            ended, peak = time.time(), peak_memory(tocsin.pid)
            await tocsin.stop()
    during = [lag for at, lag in json.loads(lags.read_text()) if began <= at <= ended]
    say(
        f"{alerts} alerts taken in {ended - began:.1f} s; peak memory {peak} MB; a page beside them {paged_after:.2f} s"
    )
    say(f"event loop: {quantiles(during)}")
    say(f"other senders: {quantiles(small)}")


def main() -> None:
    """Run it by the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--alerts", type=int, default=400_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tocsin-lag-") as folder:
        asyncio.run(measure(Path(folder), given.alerts))


if __name__ == "__main__":
    main()
