"""Reading of secrets, which are stored outside the configuration files.

A model declares ``token: Secret``; the file names the place of the secret, by one of ``token_file``, ``token_env`` or
``token_credential``. `with_secrets` replaces these keys with the secret before the model is validated.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tocsin.conf.schema import at_step, bare
from tocsin.conf.secrets import WAYS, Secret
from tocsin.conf.source import Findings, Mark, Node

_MAX_BYTES = 64 << 10
_READABLE_BY_ALL = 0o004


@dataclass(frozen=True)
class Vault:
    """A reader of secrets.

    Problems never quote a key's value: it may be the secret itself, entered by mistake.
    """

    directory: Path
    """The folder of a relative ``*_file``, unless the file is one of systemd's credentials."""
    environ: Mapping[str, str]
    findings: Findings

    def fetch(self, way: str, name: str, mark: Mark) -> Secret | None:
        """Return the secret that is stored under a name in one of the ``WAYS``; None if missing, which is reported."""
        if way == "env":
            return self._from_environment(name, mark)
        path = self._credential(name) if way == "credential" else self._path(name)
        if path is None:
            message = (
                "systemd hands over no such credential" if self._credentials else "systemd hands over no credentials"
            )
            self.findings.problem(mark, message, "write LoadCredential= into the unit, or use a *_file")
            return None
        return self._from_file(path, mark, is_credential=way == "credential")

    @property
    def _credentials(self) -> Path | None:
        named = self.environ.get("CREDENTIALS_DIRECTORY")
        return Path(named) if named else None

    def _credential(self, name: str) -> Path | None:
        if self._credentials is None or "/" in name or name in ("", ".", ".."):
            return None
        path = self._credentials / name
        try:
            return path if path.is_file() else None
        except OSError:  # a name that no file can have
            return None

    def _path(self, name: str) -> Path:
        return self._credential(name) or self.directory / name

    def _from_environment(self, name: str, mark: Mark) -> Secret | None:
        value = self.environ.get(name, "").strip()
        if value:
            return Secret(value)
        self.findings.problem(mark, "this environment variable is not set")
        return None

    def _from_file(self, path: Path, mark: Mark, *, is_credential: bool) -> Secret | None:
        try:
            with path.open("rb") as file:
                raw = file.read(_MAX_BYTES + 1)
                mode = os.fstat(file.fileno()).st_mode
            value = raw.decode().strip()
        except OSError as error:
            hint = f"a relative name counts from {self.directory}"
            self.findings.problem(mark, f"this secret file cannot be read: {error.strerror}", hint)
            return None
        except UnicodeDecodeError:
            self.findings.problem(mark, f"the secret file {path} is not UTF-8 text")
            return None
        if not value or len(raw) > _MAX_BYTES:
            problem = f"the secret file {path} is {'larger than 64 KiB' if value else 'empty'}"
            self.findings.problem(mark, problem, "put the secret into it, and nothing else")
            return None
        if mode & _READABLE_BY_ALL and not is_credential:
            self.findings.warn(mark, f"every user on this machine can read {path}", f"run: chmod o-rwx {path}")
        return Secret(value)


def with_secrets(node: Node, model: type[BaseModel], vault: Vault) -> Node:
    """Return the node with every ``Secret`` of the model in place of the keys that name where it is stored."""
    if not isinstance(node.value, dict):
        return node
    children: dict[str, Any] = dict(node.value)
    for key, info in model.model_fields.items():
        if bare(info.annotation) is Secret:
            _put_secret(children, info.alias or key, vault)
    return replace(node, value={key: _descend(child, at_step(model, key), vault) for key, child in children.items()})


def _descend(node: Node, annotation: Any, vault: Vault) -> Node:
    annotation = bare(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return with_secrets(node, annotation, vault)
    if isinstance(node.value, list):
        return replace(node, value=[_descend(child, at_step(annotation, 0), vault) for child in node.value])
    if isinstance(node.value, dict):
        inner = at_step(annotation, "")
        return replace(node, value={key: _descend(child, inner, vault) for key, child in node.value.items()})
    return node


def _put_secret(children: dict[str, Any], key: str, vault: Vault) -> None:
    """Replace ``key_file``, ``key_env`` or ``key_credential`` by ``key``."""
    message = f"write {key}_file: and the name of a file that holds it, {key}_env: or {key}_credential:"
    inline: Node | None = children.get(key)
    if inline is not None:
        vault.findings.problem(inline.head, f"the secret {key!r} must not stand in this file", message)
        children[key] = replace(inline, value=None, broken=True)
    given = [(way, children.pop(f"{key}_{way}")) for way in WAYS if f"{key}_{way}" in children]
    for position, (way, named) in enumerate(given):
        if position or inline is not None:
            vault.findings.problem(named.head, f"the secret {key!r} is given twice", "keep one")
        elif named.broken or not isinstance(named.value, str) or not named.value:
            if not named.broken:
                vault.findings.problem(named.head, "text is expected here", message)
            children[key] = replace(named, value=None, broken=True)
        else:
            secret = vault.fetch(way, named.value, named.mark)
            children[key] = replace(named, value=secret, broken=secret is None)
