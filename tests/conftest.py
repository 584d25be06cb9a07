"""Settings of the whole suite."""

import os

from hypothesis import settings

# How long one example takes says more about the machine than about tocsin; tests of speed measure it themselves.
# The same examples each time: a red build is about the change. `make fuzz` searches with new ones.
settings.register_profile("tocsin", deadline=None, derandomize=True)
settings.register_profile("fuzz", deadline=None, derandomize=False, print_blob=True)
settings.load_profile(os.environ.get("TOCSIN_HYPOTHESIS", "tocsin"))
