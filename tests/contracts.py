"""The folders with providers' documents: those written for these tests, and the folder TOCSIN_CORPUS if it is set.

The documents in fixtures/contracts/ have the shape that the provider publishes, and content of our own.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

CORPUS = os.environ.get("TOCSIN_CORPUS", "")
OWN = Path(__file__).parent / "fixtures" / "contracts"
FOLDERS = {"own": OWN} | ({"corpus": Path(CORPUS)} if CORPUS else {})

in_each_folder = pytest.mark.parametrize("folder", FOLDERS.values(), ids=FOLDERS.keys())


def document(folder: Path, path: str) -> Any:
    """Return a JSON document of a folder."""
    return json.loads((folder / path).read_text())
