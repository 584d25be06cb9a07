"""The environment of child processes: the variables an interpreter needs, without secrets of the configuration."""

from collections.abc import Mapping

_NAMES = frozenset(
    {
        "PATH",
        "HOME",
        "USER",
        "LANG",
        "LANGUAGE",
        "LC_ALL",
        "LC_CTYPE",
        "TZ",
        "TZDIR",
        "TMPDIR",
        "VIRTUAL_ENV",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "PYTHONPATH",
        "PYTHONHOME",
        "PYTHONTZPATH",
        "PYTHONUTF8",
        "PYTHONIOENCODING",
        "PYTHONMALLOC",
        "PYTHONFAULTHANDLER",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONPYCACHEPREFIX",
        "PYTHONWARNINGS",
        "MALLOC_ARENA_MAX",
    }
)
"""The variables to pass on. Any other variable may hold a secret (`token_env: ANY_NAME`)."""


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of this environment that a child process inherits."""
    return {name: value for name, value in environ.items() if name in _NAMES}
