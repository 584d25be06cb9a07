"""Settings of the whole suite."""

from hypothesis import settings

# How long one example takes says more about the machine than about tocsin; tests of speed measure it themselves.
settings.register_profile("tocsin", deadline=None)
settings.load_profile("tocsin")
