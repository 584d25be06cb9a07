"""Validation of a message's blocks: the block types that tocsin uses, with Slack's published limits.

Anything else is refused: an unknown block type or field is either a mistake, or must be added here.
"""

import json
from collections.abc import Iterator
from typing import Any

BLOCKS = 50
TOTAL_LIMIT = 13_000
"""Not documented; all blocks of a message together fail near 13,200 characters."""

_BLOCK_FIELDS = {
    "header": {"text"},
    "section": {"text", "fields"},
    "context": {"elements"},
    "actions": {"elements"},
    "divider": set[str](),
}
_BUTTON = {"type", "text", "action_id", "value", "style", "url"}


def check_blocks(blocks: object) -> tuple[str, list[str]]:
    """Return the name of Slack's error and a description of the mistake; ("", []) if the blocks are valid."""
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        return "invalid_blocks_format", ["blocks must be an array of objects"]
    errors = list(_errors(blocks))
    if errors:
        return "invalid_blocks", errors
    if len(json.dumps(blocks, ensure_ascii=False)) > TOTAL_LIMIT:
        return "msg_blocks_too_long", [f"more than {TOTAL_LIMIT} characters"]
    return "", []


def _errors(blocks: list[dict[str, Any]]) -> Iterator[str]:
    if len(blocks) > BLOCKS:
        yield f"no more than {BLOCKS} items allowed [json-pointer:/blocks]"
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(ids) != len(set(ids)) or not all(isinstance(id_, str) and 0 < len(id_) <= 255 for id_ in ids):
        yield "block_id must be unique strings of up to 255 characters"
    for number, block in enumerate(blocks):
        for error in _block(block):
            yield f"{error} [json-pointer:/blocks/{number}]"


def _block(block: dict[str, Any]) -> Iterator[str]:
    kind = block.get("type")
    if kind not in _BLOCK_FIELDS:
        yield f"unsupported type: {kind}"
        return
    for name in sorted(block.keys() - _BLOCK_FIELDS[kind] - {"type", "block_id"}):
        yield f"invalid additional property: {name}"
    match kind:
        case "header":
            yield from _text(block.get("text"), 150, ("plain_text",))
        case "section":
            yield from _section(block)
        case "context":
            elements = block.get("elements")
            yield from _list(elements, 10)
            for element in elements if isinstance(elements, list) else ():
                yield from _text(element, 3000)
        case "actions":
            yield from _actions(block.get("elements"))


def _section(block: dict[str, Any]) -> Iterator[str]:
    if "text" not in block and "fields" not in block:
        yield "a section needs text or fields"
    if "text" in block:
        yield from _text(block["text"], 3000)
    if "fields" in block:
        yield from _list(block["fields"], 10)
        for item in block["fields"] if isinstance(block["fields"], list) else ():
            yield from _text(item, 2000)


def _actions(elements: object) -> Iterator[str]:
    yield from _list(elements, 25)
    if not isinstance(elements, list):
        return
    ids = [element.get("action_id") for element in elements if isinstance(element, dict)]
    if len(ids) != len(set(ids)):
        yield "action_id must be unique in a block"
    for element in elements:
        yield from _button(element)


def _button(element: object) -> Iterator[str]:
    if not isinstance(element, dict) or element.get("type") != "button":
        yield "only buttons are supported here"
        return
    for name in sorted(element.keys() - _BUTTON):
        yield f"invalid additional property: {name}"
    yield from _text(element.get("text"), 75, ("plain_text",))
    for name, limit in (("action_id", 255), ("value", 2000), ("url", 3000)):
        value = element.get(name, "x")
        if not isinstance(value, str) or not 0 < len(value) <= limit:
            yield f"{name} must be a string of 1 to {limit} characters"
    if "action_id" not in element:
        yield "a button needs an action_id here: no program could tell which was pressed"
    if element.get("style", "primary") not in ("primary", "danger"):
        yield "style must be primary or danger"


def _list(items: object, limit: int) -> Iterator[str]:
    if not isinstance(items, list) or not 0 < len(items) <= limit:
        yield f"must have 1 to {limit} items"


def _text(item: object, limit: int, types: tuple[str, ...] = ("plain_text", "mrkdwn")) -> Iterator[str]:
    if not isinstance(item, dict) or item.get("type") not in types:
        yield f"must be a text object of type {' or '.join(types)}"
        return
    extra = {"plain_text": "emoji", "mrkdwn": "verbatim"}[item["type"]]
    for name in sorted(item.keys() - {"type", "text", extra}):
        yield f"invalid additional property: {name}"
    if not isinstance(item.get(extra, True), bool):
        yield f"{extra} must be a boolean"
    if not isinstance(item.get("text"), str) or not 0 < len(item["text"]) <= limit:
        yield f"text must be 1 to {limit} characters long"
