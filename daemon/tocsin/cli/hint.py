"""The output of ``tocsin serve --hint`` after the start: the commands to try next."""

import shlex
import sys
from pathlib import Path

from tocsin.cli.client import DEFAULT_URL

_ALERT = (
    '{"version": "4", "status": "firing", "receiver": "tocsin", "alerts": [{"status": "firing", "labels": '
    '{"alertname": "CheckoutDown", "severity": "critical", "service": "checkout"}, '
    '"annotations": {"summary": "Customers cannot pay"}}]}'
)

_TEXT = """
tocsin serves on {url} and pages to this console. Post a firing alert from another terminal:

  curl -sS -H 'Content-Type: application/json' {url}/webhooks/alertmanager -d '{alert}'

or rehearse the whole way, from the webhook to the page:

  {setting}{program} drill
"""


def hint(address: str, program: str = sys.argv[0]) -> str:
    """Return the text for a daemon on ``address``; ``program`` is the path of this console script."""
    url = f"http://{address}"
    path = Path(program)
    name = shlex.quote(str(path.absolute())) if path.name == "tocsin" and path.exists() else "tocsin"
    setting = "" if url == DEFAULT_URL else f"TOCSIN_URL={url} "
    return _TEXT.format(url=url, alert=_ALERT, setting=setting, program=name)
