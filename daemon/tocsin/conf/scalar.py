"""Values of unquoted YAML scalars: only values that all versions of YAML and all readers agree on."""

import re

_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{1,18}")
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})

_TRUE_WORDS = frozenset({"yes", "on", "y"})
_FALSE_WORDS = frozenset({"no", "off", "n"})
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_OCTAL = re.compile(r"[-+]?0[0-7_]+")
_NUMBERLIKE = re.compile(
    r"[-+]?(?:"
    r"0[0-9_]+|0o[0-7]+|0x[0-9a-fA-F_]+|0b[01_]+|[0-9][0-9_]*"
    r"|(?:[0-9][0-9_]*)?\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*\.?[eE][-+]?[0-9]+"
    r"|\.(?:inf|Inf|INF)"
    r")|\.(?:nan|NaN|NAN)"
)


class RefusedScalar(Exception):
    """A scalar or a key that is refused, mostly because readers of YAML interpret it differently.

    The message does not repeat a value that could be a secret.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def plain_value(text: str) -> str | int | float | bool | None:
    """Return the value of an unquoted scalar.

    Raises:
        RefusedScalar: The meaning is ambiguous; the hint has an unambiguous form.
    """
    if text in _NOTHING:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text) and not text.lstrip("+-").startswith("00"):
        return float(text)
    _refuse_words(text)
    _refuse_numbers(text)
    return text


def _refuse_words(text: str) -> None:
    word = text.lower()
    if word in _TRUE_WORDS | _FALSE_WORDS:
        meant = "true" if word in _TRUE_WORDS else "false"
        raise RefusedScalar(
            f"an unquoted {text} is {meant} to some YAML readers and text to others",
            f'write {meant}, or "{text}" in quotes',
        )


def _refuse_numbers(text: str) -> None:
    if _DATE.fullmatch(text):
        raise RefusedScalar("an unquoted date is not text to YAML", "put it in quotes")
    if _SEXAGESIMAL.fullmatch(text):
        raise RefusedScalar("an unquoted time such as 22:30 is a number in base 60 to YAML 1.1", "put it in quotes")
    if _OCTAL.fullmatch(text):
        raise RefusedScalar(
            "a number that begins with 0 is octal to YAML 1.1",
            "write it without the leading 0, or in quotes if it is text",
        )
    if _NUMBERLIKE.fullmatch(text) and text not in {".", "+.", "-.", "._"}:
        raise RefusedScalar(
            "this number is read differently by different YAML readers",
            "write it in plain decimal digits (1000, 0.5), or in quotes if it is text",
        )
