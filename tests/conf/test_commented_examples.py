"""Every commented-out example in a shipped file is valid when uncommented."""

import re
import shutil
from pathlib import Path

import pytest

from tocsin.app.kinds import KINDS
from tocsin.conf.bundle import Bundle, load
from tocsin.core.duration import MINUTE

ROOT = Path(__file__).parents[2]
CHANNELS = """\
  pagerduty: {kind: pagerduty, routing_keys: {main: {key_env: KEY}}}
  phone: {kind: twilio, mode: call, account: ACCOUNT, from: "+15550100100", token_env: TOKEN}
  sms: {kind: twilio, mode: sms, account: ACCOUNT, from: "+15550100100", token_env: TOKEN}
  email: {kind: email, host: localhost, from: tocsin@example.com}
  chat: {kind: slack, token_env: BOT}
""".replace("ACCOUNT", "AC" + "0" * 32)
CONTACT_CHANNELS = ("pagerduty", "phone", "email", "sms")
ENVIRON = {"KEY": "0" * 32, "TOKEN": "t" * 32, "BOT": "xoxb-1"}

EXAMPLES = {
    "config/tocsin.yaml": [
        *("external_url:", "trusted_proxies:", "tokens:"),
        *("pagerduty:", "phone:", "email:", "sms:"),
        *("inbound:", "sources:"),
    ],
    "config/people.yaml": ["contact:", "methods:", "slack_user:", "pagerduty_user:", "time_zone:", "secondary:"],
    "config/windows.yaml": ["windows:"],
    "config/playbooks/emergency-response.yaml": ["room:"],
}
"""The first line of each example."""
OF_A_PERSON = ("contact:", "methods:")
"""Examples in the head of people.yaml that belong under a person."""
_COMMENT = re.compile(r"^(?P<indent>\s*)#(?P<inner> +)(?P<text>\S.*)$")
_KEY = re.compile(r"^([a-z_]+:)(\s|$)")
PROSE = {
    "blocked:", "complaints_rising:", "customer_impact:", "security:", "customer_facing:", "erlmcp:",
    "console:", "here:", "fires:", "exempt:",
}  # fmt: skip
"""Words before a colon in comments that explain something."""


def keys_in_comments(path: Path) -> list[str]:
    """The keys that begin an example: those that no other line of an example stands above."""
    found: list[str] = []
    inside: int | None = None
    for line in path.read_text().splitlines():
        comment = _COMMENT.match(line)
        if comment is None:
            inside = None
            continue
        depth = len(comment["inner"])
        if inside is not None and depth > inside:
            continue
        key = _KEY.match(comment["text"])
        inside = depth if key else None
        if key:
            found.append(key[1])
    return found


def uncommented(text: str, key: str) -> tuple[str, str]:
    """The text with an example uncommented in its place, and the example alone, without indent."""
    lines, example, inside = text.splitlines(), [], None
    for number, line in enumerate(lines):
        comment = _COMMENT.match(line)
        if comment is None:
            if inside is not None:
                break
            continue
        depth = len(comment["inner"])
        if inside is None and not comment["text"].startswith(key):
            continue
        if inside is not None and depth <= inside:
            break
        inside = depth if inside is None else inside
        example.append(" " * (depth - inside) + comment["text"])
        lines[number] = comment["indent"] + example[-1]
    assert example, f"{key} is no example"
    return "\n".join(lines) + "\n", "\n".join(example) + "\n"


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    for part in ("config", "rules"):
        shutil.copytree(ROOT / part, tmp_path / part)
    settings = tmp_path / "config" / "tocsin.yaml"
    settings.write_text(
        settings.read_text().replace("  console: {kind: console}\n", f"  console: {{kind: console}}\n{CHANNELS}", 1)
    )
    for secret in re.findall(r"_file: ([a-z-]+)", settings.read_text()):
        path = tmp_path / "config" / secret
        path.write_text("0" * 32 if secret in ("pagerduty-main", "twilio-token") else secret * 2)
        path.chmod(0o600)
    return tmp_path


def checked(root: Path) -> Bundle:
    return load(root / "config", root / "rules", KINDS, ENVIRON)


@pytest.mark.parametrize(("file", "key"), [(file, key) for file, keys in EXAMPLES.items() for key in keys])
def test_an_example_works_without_its_comment_marks(shipped: Path, file: str, key: str) -> None:
    path = shipped / file
    before = checked(shipped).warnings
    text, example = uncommented(path.read_text(), key)
    if file == "config/tocsin.yaml" and key.rstrip(":") in CONTACT_CHANNELS:  # the fixture has put one there already
        text = re.sub(rf"(?m)^  {key} .*_env: .*\n|^  {key} {{kind: email, host: localhost.*\n", "", text, count=1)
    if key in OF_A_PERSON and file == "config/people.yaml":
        indented = "".join(f"    {line}\n" for line in example.splitlines())
        text = path.read_text().replace("    contact: {channel: console}\n", indented, 1)
    elif re.search(rf"(?m)^\s*{key}", path.read_text()) and file == "config/windows.yaml":
        text = text.replace("windows: []\n", "")
    path.write_text(text)
    bundle = checked(shipped)
    told = [str(each) for each in bundle.warnings if each not in before]
    assert [text for text in told if "acknowledgments made in" not in text] == []


@pytest.mark.parametrize("folder", ["config", "config/playbooks", "rules"])
def test_no_example_is_left_out_above(folder: str) -> None:
    for path in sorted((ROOT / folder).glob("*.yaml")):
        name = f"{folder}/{path.name}"
        assert [key for key in keys_in_comments(path) if key not in PROSE] == EXAMPLES.get(name, []), name


def test_the_contact_order_of_the_text_passes_with_the_channels_that_stand_beside_it(tmp_path: Path) -> None:
    """Both examples without their comment marks: PagerDuty, then a phone call, then e-mail and SMS together."""
    for part in ("config", "rules"):
        shutil.copytree(ROOT / part, tmp_path / part)
    settings, people = tmp_path / "config/tocsin.yaml", tmp_path / "config/people.yaml"
    for channel in CONTACT_CHANNELS:
        text, _ = uncommented(settings.read_text(), f"{channel}:")
        settings.write_text(text)
    for secret in re.findall(r"(?m)^  [a-z]+:.*_file: ([a-z-]+)", settings.read_text()):
        path = tmp_path / "config" / secret
        path.write_text("0" * 32)
        path.chmod(0o600)
    _, example = uncommented(people.read_text(), "methods:")
    indented = "".join(f"    {line}\n" for line in example.splitlines())
    people.write_text(people.read_text().replace("    contact: {channel: console}\n", indented, 1))
    bundle = load(tmp_path / "config", tmp_path / "rules", KINDS, {})
    methods = bundle.people.persons["alex"].methods
    assert [(each.contact.channel, each.after // MINUTE) for each in methods] == [
        ("pagerduty", 0), ("phone", 2), ("email", 5), ("sms", 5),
    ]  # fmt: skip
    told = [str(warning) for warning in bundle.warnings]
    assert [text for text in told if "acknowledgments made in" not in text] == []


def test_the_commented_lines_of_the_unit_are_directives_that_systemd_knows() -> None:
    unit = (ROOT / "systemd" / "tocsin.service").read_text()
    examples = re.findall(r"(?m)^#([A-Z][A-Za-z]+)=\S+$", unit)
    assert examples == ["LoadCredential", "LoadCredential", "LoadCredential", "IPAddressDeny", "IPAddressAllow"]
