"""A simulated machine: `docker`, `sudo` and `systemctl` as far as our documents use them.

What they start is a real tocsin, whose paths lie below a folder of the test and whose port is free.
"""

import os
import select
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

TOCSIN = [sys.executable, "-c", "from tocsin.cli.main import main; main()"]

_SHIM = """#!{python}
import sys
sys.path[:0] = {path!r}
from e2e import machine
sys.exit(machine.{name}(sys.argv[1:]))
"""


def install(folder: Path, **environ: str) -> dict[str, str]:
    """Put the pretended programs below ``folder``; returns the environment that finds them first."""
    programs = folder / "bin"
    programs.mkdir()
    path = [entry for entry in sys.path if entry]
    for name in ("docker", "sudo", "systemctl", "tocsin"):
        shim = programs / name
        shim.write_text(_SHIM.format(python=sys.executable, path=path, name=name))
        shim.chmod(0o755)
    (programs / "systemd-sysusers").symlink_to("/bin/true")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    return kept | {"PATH": f"{programs}:{kept['PATH']}", "MACHINE": str(folder), **environ}


def clean_up(folder: Path) -> None:
    """Stop what was started."""
    for file in folder.glob("*.pid"):
        _stop(file)


def tocsin(arguments: list[str]) -> int:
    """The command line."""
    return subprocess.run([*TOCSIN, *arguments], check=False).returncode


def sudo(arguments: list[str]) -> int:
    """Run it as the user that the test has."""
    arguments = arguments[2:] if arguments[0] == "-u" else arguments
    return subprocess.run(arguments, check=False).returncode


def systemctl(arguments: list[str]) -> int:
    """``enable --now``, ``start`` and ``restart`` start what the unit file says; ready as systemd waits for it."""
    root = Path(os.environ["MACHINE"])
    if arguments[0] == "stop":
        _stop(root / "unit.pid")
    if arguments[0] in ("enable", "start", "restart"):
        unit = (root / "etc/systemd/system/tocsin.service").read_text()
        line = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
        words = line.removeprefix("ExecStart=").replace("/etc/", f"{root}/etc/").split()
        _stop(root / "unit.pid")
        secrets = {"CREDENTIALS_DIRECTORY": str(root / "etc/tocsin/secrets")}
        (root / "var/lib/tocsin").mkdir(parents=True, exist_ok=True)
        store = f"sqlite:///{root}/var/lib/tocsin/tocsin.db"
        _start(root, "unit", words[1:], secrets | {"TOCSIN_STORE_URL": store, "TOCSIN_LISTEN": _listen("127.0.0.1")})
    return 0


def docker(arguments: list[str]) -> int:
    """``build``, ``run`` and ``exec`` of one image, whose files are this machine's."""
    root = Path(os.environ["MACHINE"])
    verb, *rest = arguments
    if verb == "build":
        return 0
    given, detached, name = _docker_options(rest)
    mounts = dict(one.split(":")[:2] for one in given.get("volume", ())) | _mounts(root)
    mounts = {inside: _outside(root, outside) for outside, inside in ((a, b) for a, b in mounts.items())}
    environ = dict(one.split("=", 1) for one in given.get("env", ()))
    words = [_mapped(word, mounts) for word in given["words"]]
    environ = {key: _mapped(value, mounts) for key, value in environ.items()}
    if verb == "exec":
        _wait(f"http://127.0.0.1:{os.environ['MACHINE_PORT']}/-/healthy")
        url = {"TOCSIN_URL": f"http://127.0.0.1:{os.environ['MACHINE_PORT']}"}
        return subprocess.run([*TOCSIN, *words[2:]], env=os.environ | environ | url, check=False).returncode
    if "user" not in given:
        hidden = [path for path in _files(mounts) if not path.stat().st_mode & 0o004]
        assert not hidden, f"the user of the image cannot read {hidden}"
    image, *command = words
    assert image == "tocsin"
    if not detached:
        return tocsin(command)
    (root / "mounts").write_text("\n".join(f"{outside}={inside}" for inside, outside in mounts.items()))
    if environ.get("TOCSIN_LISTEN", "").startswith("0.0.0.0"):
        environ["TOCSIN_LISTEN"] = _listen("0.0.0.0")
    serve = ["serve", "--config", "/etc/tocsin/config", "--rules", "/etc/tocsin/rules"]
    store = {"TOCSIN_STORE_URL": f"sqlite:///{mounts['/var/lib/tocsin']}/tocsin.db"}
    _start(root, name, [_mapped(word, mounts) for word in command or serve], store | environ, wait=False)
    return 0


def _files(mounts: dict[str, str]) -> list[Path]:
    """The files that a container sees of this machine."""
    return [path for outside in mounts.values() for path in Path(outside).rglob("*") if path.is_file()]


def _docker_options(words: list[str]) -> tuple[dict[str, list[str]], bool, str]:
    long = {"-v": "volume", "-e": "env", "-p": "publish", "--user": "user", "--tmpfs": "tmpfs", "--name": "name"}
    long |= {"--cap-drop": "cap", "--security-opt": "security"}
    given: dict[str, list[str]] = {}
    rest = list(words)
    detached = False
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option in long:
            given.setdefault(long[option], []).append(rest.pop(0))
        else:
            assert option in ("--rm", "--read-only", "--detach"), option
            detached = detached or option == "--detach"
    given["words"] = rest
    return given, detached, given.get("name", ["container"])[0]


def _mounts(root: Path) -> dict[str, str]:
    """Return the mounts of the running container, for ``docker exec``."""
    file = root / "mounts"
    return dict(line.split("=", 1) for line in file.read_text().splitlines()) if file.exists() else {}


def _outside(root: Path, name: str) -> str:
    """A named volume is a folder."""
    if name.startswith("/"):
        return name
    (root / "volumes" / name).mkdir(parents=True, exist_ok=True)
    return str(root / "volumes" / name)


def _mapped(word: str, mounts: dict[str, str]) -> str:
    inside = next((inside for inside in mounts if word == inside or word.startswith(f"{inside}/")), None)
    return mounts[inside] + word.removeprefix(inside) if inside is not None else word


def _listen(host: str) -> str:
    return f"{host}:{os.environ['MACHINE_PORT']}"


def _start(root: Path, name: str, words: list[str], environ: dict[str, str], *, wait: bool = True) -> None:
    with (root / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [*TOCSIN, *words], env=os.environ | environ, stdout=log, stderr=log, cwd=root, start_new_session=True
        )
    (root / f"{name}.pid").write_text(str(process.pid))
    if wait:
        _wait(f"http://127.0.0.1:{os.environ['MACHINE_PORT']}/-/ready")


def _stop(file: Path) -> None:
    if not file.exists():
        return
    pid = int(file.read_text())
    file.unlink()
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    signal.pidfd_send_signal(process, signal.SIGTERM)
    has_ended, _, _ = select.select([process], [], [], 30)
    if not has_ended:
        signal.pidfd_send_signal(process, signal.SIGKILL)
    os.close(process)


def _wait(url: str) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(url)
