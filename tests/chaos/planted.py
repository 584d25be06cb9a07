"""The entry point of daemons with a planted fault: like ``tocsin serve``."""

import argparse
import os
import sys
from pathlib import Path

from tocsin.app import lifecycle


def serve() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--rules", type=Path, required=True)
    given = parser.parse_args()
    sys.exit(lifecycle.run(given.config, given.rules, os.environ))
