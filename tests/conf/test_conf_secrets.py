"""Secrets are read from outside the files and are never shown."""

import copy
import pickle
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import Field

from tocsin.conf.schema import Name, Section, validate
from tocsin.conf.secrets import Secret
from tocsin.conf.source import Findings, parse_yaml
from tocsin.conf.vault import Vault, with_secrets

CANARY = "canary-c0ffee-canary"


class Inner(Section):
    key: Secret


class Sample(Section):
    token: Secret
    spare: Secret | None = None
    named: dict[Name, Inner] = Field(default_factory=dict)
    listed: tuple[Inner, ...] = ()


class Safe:
    """A folder with secret files, and what is read from it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.findings = Findings()

    def file(self, name: str, content: str | bytes = CANARY, mode: int = 0o600) -> None:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)

    def read(self, text: str, environ: Mapping[str, str] | None = None) -> Sample | None:
        node = parse_yaml(text, "f", self.findings)
        assert node is not None
        vault = Vault(self.folder, environ or {}, self.findings)
        return validate(with_secrets(node, Sample, vault), Sample, self.findings)

    @property
    def problems(self) -> list[str]:
        return [str(problem).replace(str(self.folder), "DIR") for problem in sorted(self.findings.problems)]

    @property
    def warnings(self) -> list[str]:
        return [str(warning).replace(str(self.folder), "DIR") for warning in self.findings.warnings]


@pytest.fixture
def safe(tmp_path: Path) -> Safe:
    return Safe(tmp_path)


def test_a_secret_is_read_from_a_file_beside_the_configuration(safe: Safe) -> None:
    safe.file("t", f"{CANARY}\n")
    sample = safe.read("token_file: t")
    assert sample is not None
    assert sample.token.reveal() == CANARY
    assert safe.problems + safe.warnings == []


def test_a_secret_is_read_from_the_environment(safe: Safe) -> None:
    sample = safe.read("token_env: MY_TOKEN", {"MY_TOKEN": CANARY})
    assert sample is not None
    assert sample.token.reveal() == CANARY


@pytest.mark.parametrize("way", ["token_file", "token_credential"])
def test_systemds_credentials_come_first(safe: Safe, tmp_path: Path, way: str) -> None:
    safe.file("t", "the one beside the configuration")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "t").write_text(CANARY)
    sample = safe.read(f"{way}: t", {"CREDENTIALS_DIRECTORY": str(credentials)})
    assert sample is not None
    assert sample.token.reveal() == CANARY


def test_secrets_are_found_in_nested_sections_and_lists(safe: Safe) -> None:
    safe.file("t")
    sample = safe.read(
        "token_file: t\nnamed:\n  a: {key_file: t}\nlisted:\n  - key_file: t\n  - key_env: K", {"K": "k"}
    )
    assert sample is not None
    assert sample.named["a"].key.reveal() == CANARY
    assert [inner.key.reveal() for inner in sample.listed] == [CANARY, "k"]


ABSENT = "No such file or directory; a relative name counts from DIR"
TOO_LONG = "File name too long; a relative name counts from DIR"
HOW = "write token_file: and the name of a file that holds it, token_env: or token_credential:"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"token: {CANARY}", f"f:1:1: the secret 'token' must not stand in this file; {HOW}"),
        (f"token: [{CANARY}]", f"f:1:1: the secret 'token' must not stand in this file; {HOW}"),
        (f"token_file: t\ntoken: {CANARY}", f"f:2:1: the secret 'token' must not stand in this file; {HOW}"),
        ("token_file: t\ntoken_env: HOME", "f:2:1: the secret 'token' is given twice; keep one"),
        (
            "token_file: absent",
            f"f:1:13: this secret file cannot be read: {ABSENT}",
        ),
        ("token_file: empty", "f:1:13: the secret file DIR/empty is empty; put the secret into it, and nothing else"),
        ("token_file: latin", "f:1:13: the secret file DIR/latin is not UTF-8 text"),
        (
            "token_file: large",
            "f:1:13: the secret file DIR/large is larger than 64 KiB; put the secret into it, and nothing else",
        ),
        ("token_file: [t]", f"f:1:1: text is expected here; {HOW}"),
        ("token_env: NOT_SET", "f:1:12: this environment variable is not set"),
        (f"token_env: {CANARY}", "f:1:12: this environment variable is not set"),
        (f"token_file: {CANARY}", f"f:1:13: this secret file cannot be read: {ABSENT}"),
        (
            f"token_file: {CANARY * 20}",
            f"f:1:13: this secret file cannot be read: {TOO_LONG}",
        ),
        (f"token_file: *{CANARY}", "f:1:13: an alias (*name) is not allowed; write the value out, or text in quotes"),
        (
            "token_credential: t",
            "f:1:19: systemd hands over no credentials; write LoadCredential= into the unit, or use a *_file",
        ),
        ("spare_file: t", "f:1:1: 'token' is missing; write token_file: or token_env: or token_credential:"),
        ("token_file: t\ntoken_fil: t", "f:2:1: unknown key 'token_fil'; did you mean token_file?"),
        (
            "token_file: t\nlisted:\n  - {}",
            "f:3:5: 'key' is missing; write key_file: or key_env: or key_credential:",
        ),
    ],
)
def test_a_mistake_about_a_secret_says_what_to_write_and_never_the_secret(safe: Safe, text: str, told: str) -> None:
    safe.file("t")
    safe.file("empty", "\n")
    safe.file("latin", b"\xff\xfe" + CANARY.encode())
    safe.file("large", CANARY + "x" * 70_000)
    assert safe.read(text) is None or safe.problems
    assert told in safe.problems
    assert not [problem for problem in safe.problems if CANARY in problem]


def test_a_credential_cannot_be_a_path_out_of_systemds_folder(safe: Safe, tmp_path: Path) -> None:
    safe.file("t")
    (tmp_path / "credentials").mkdir()
    safe.read("token_credential: ../t", {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")})
    assert safe.problems[0].startswith("f:1:19: systemd hands over no such credential")


def test_a_name_that_no_file_can_have_is_no_credential(safe: Safe, tmp_path: Path) -> None:
    assert safe.read(f"token_credential: {'x' * 300}", {"CREDENTIALS_DIRECTORY": str(tmp_path)}) is None
    assert safe.problems[0].startswith("f:1:19: systemd hands over no such credential")


def test_a_secret_file_that_everybody_can_read_is_a_warning(safe: Safe) -> None:
    safe.file("t", mode=0o644)
    assert safe.read("token_file: t") is not None
    assert safe.warnings == ["f:1:13: every user on this machine can read DIR/t; run: chmod o-rwx DIR/t"]


def test_a_secret_never_shows_itself() -> None:
    secret = Secret(CANARY)
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{[secret]}",
        repr(Inner(key=secret)),
        Inner(key=secret).model_dump_json(),
    ]
    assert not [text for text in shown if CANARY in text]
    assert "<secret>" in shown[0]


def test_a_secret_is_compared_as_a_whole() -> None:
    assert Secret(CANARY).matches(CANARY)
    assert not Secret(CANARY).matches(CANARY[:-1])
    assert not Secret(CANARY).matches("\udcff")
    assert Secret("a") == Secret("a") != Secret("b")
    assert copy.deepcopy(Secret("a")) == Secret("a")
    assert pickle.loads(pickle.dumps(Secret("a"))) == Secret("a")
