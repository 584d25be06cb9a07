"""Changed copies of frozen structs, by calls that mypy checks.

mypy knows `dataclasses.replace` and checks the names and types of the fields in
each call; `msgspec.structs.replace` takes any keywords. Therefore the latter runs
here under the former's type.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import replace
else:
    from msgspec.structs import replace

__all__ = ["replace"]
