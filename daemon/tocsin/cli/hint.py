"""The output of ``tocsin serve --hint`` once it serves: the commands to type next."""

import shlex
import sys
from pathlib import Path

from tocsin.cli.client import DEFAULT_URL

_ALERT = (
    '{"version": "4", "status": "firing", "receiver": "tocsin", "alerts": [{"status": "firing", "labels": '
    '{"alertname": "CheckoutDown", "severity": "critical", "service": "checkout"}, '
    '"annotations": {"summary": "Nobody can pay"}}]}'
)

_TEXT = """
tocsin serves on {url} and pages to this console. Post a firing alert from another terminal:

  curl -sS -H 'Content-Type: application/json' {url}/webhooks/alertmanager -d '{alert}'

or rehearse the whole way, from the webhook to the page:

  {setting}{program} drill
"""


def hint(address: str, program: str = sys.argv[0]) -> str:
    """Return the text for a daemon that serves on ``address``; ``program`` is how this one was called."""
    url = f"http://{address}"
    path = Path(program)
    name = shlex.quote(str(path.absolute())) if path.name == "tocsin" and path.exists() else "tocsin"
    setting = "" if url == DEFAULT_URL else f"TOCSIN_URL={url} "
    return _TEXT.format(url=url, alert=_ALERT, setting=setting, program=name)
