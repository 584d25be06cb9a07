"""Each page of the documentation, executed from start to end in an empty folder."""

import shutil
import sqlite3
from contextlib import AsyncExitStack, closing
from pathlib import Path

import yaml

from channels.certificates import self_signed
from e2e.observability import Alertmanager
from e2e.processes import get_json, until
from e2e.walkthrough import ROOT, Walk
from tocsin.cli.minimal import FILES
from tocsin.testing.pagerduty_server import REST_KEY, PagerDutyServer
from tocsin.testing.pagerduty_webhook import User
from tocsin.testing.slack_server import TOKEN as SLACK_TOKEN
from tocsin.testing.slack_server import SlackServer
from tocsin.testing.smtp_server import PASSWORD, USER, SmtpServer
from tocsin.testing.twilio_server import AUTH_TOKEN, TwilioServer

SIGNING_SECRET = "a-signing-secret-0123456789"


async def test_the_front_page(tmp_path: Path) -> None:
    walk = Walk("README.md", tmp_path)
    for name in ("config", "rules"):
        shutil.copytree(ROOT / name, walk.here / name, ignore=shutil.ignore_patterns("tests"))
    (walk.here / ".venv").symlink_to(tmp_path)  # where `machine` has put the command
    await walk.to_the_end()


async def test_your_first_playbook(tmp_path: Path) -> None:
    walk = Walk("config/first-playbook.md", tmp_path)
    await walk.to_the_end()
    assert FILES["config/playbooks/on-call.yaml"] in walk.path.read_text(), "what `tocsin init --minimal` writes"


# Connect


async def test_slack(tmp_path: Path) -> None:
    async def press() -> None:
        manifest = yaml.safe_load((walk.here / "slack-app.yaml").read_text())
        slack.scopes = frozenset(manifest["oauth_config"]["scopes"]["bot"])
        (message,) = (message for message in slack.messages if "tocsin_page" in str(message.metadata))
        click = slack.press(message, "tocsin_acknowledge", "U0123456789")
        answer = await slack.deliver(click, f"{walk.url}/webhooks/slack", SIGNING_SECRET)
        assert (answer.status, answer.body) == (200, "")

    async with SlackServer(["C0123456789"]) as slack:
        walk = Walk(
            "config/connect-slack.md",
            tmp_path,
            replaced={"kind: slack,": f"kind: slack, base_url: {slack.api_url},"},
            secrets={"slack-bot-token": SLACK_TOKEN, "slack-signing-secret": SIGNING_SECRET},
            meanwhile={"tocsin incidents list": press},
        )
        await walk.to_the_end()


async def test_pagerduty(tmp_path: Path) -> None:
    async def acknowledge() -> None:
        delivery = pagerduty.acknowledge(pagerduty.notified[-1], User("PABC123", "Taylor"))
        status = await pagerduty.deliver(delivery, f"{walk.url}/webhooks/pagerduty", [SIGNING_SECRET])
        assert 200 <= status < 300

    keys = ["1" * 32, "2" * 32]
    async with PagerDutyServer(keys) as pagerduty:
        walk = Walk(
            "config/connect-pagerduty.md",
            tmp_path,
            replaced={"kind: pagerduty\n": f"kind: pagerduty\n    base_url: {pagerduty.url}\n"},
            environ={"TOCSIN_INBOUND_PAGERDUTY_REST_URL": pagerduty.url},
            secrets={
                "pagerduty-tier-1-key": keys[0],
                "pagerduty-tier-2-key": keys[1],
                "pagerduty-webhook-secret": SIGNING_SECRET,
                "pagerduty-rest-key": REST_KEY,
            },
            meanwhile={"tocsin incidents list --severity high": acknowledge},
        )
        await walk.to_the_end()


async def test_email(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    async with SmtpServer(certificate=(certificate, key), login=True) as mail:
        local = f"host: 127.0.0.1\n    port: {mail.port}\n    ca_file: {certificate}"
        walk = Walk(
            "config/connect-email.md",
            tmp_path,
            replaced={"host: smtp.example.com": local, "username: tocsin@example.com": f"username: {USER}"},
            secrets={"smtp-password": PASSWORD},
        )
        await walk.to_the_end()
        page = mail.accepted[0]
        assert (page["encrypted"], page["subject"]) == (True, "DRILL #1 tocsin-drill: Drill: nothing is broken")
        assert page["headers"]["Reply-To"] == "operations@example.com"


async def test_telephone(tmp_path: Path) -> None:
    class Twilio(TwilioServer):
        def reached(self, url: str) -> str:
            return url.replace("https://tocsin.example.com", walk.url)

    async def reply() -> None:
        (sms,) = twilio.accepted
        status, said = await twilio.answer("https://tocsin.example.com/webhooks/twilio", sms["to"], "ack")
        assert (status, "#1 is yours." in said) == (200, True)

    async with Twilio() as twilio:
        walk = Walk(
            "config/connect-telephone.md",
            tmp_path,
            replaced={"kind: twilio,": f"kind: twilio, base_url: {twilio.url},"},
            secrets={"twilio-token": AUTH_TOKEN},
            meanwhile={"tocsin incidents list": reply},
        )
        await walk.to_the_end()


async def test_alertmanager(tmp_path: Path) -> None:
    async def start() -> None:
        config = yaml.safe_load((walk.here / "alertmanager.yml").read_text())
        alertmanager = await stack.enter_async_context(Alertmanager(tmp_path, config))
        walk.replaced["127.0.0.1:9093"] = alertmanager.address

    async def arrives() -> None:
        token = (walk.here / "config/alex-token").read_text().strip()
        await until(lambda: get_json(f"{walk.url}/api/v1/incidents/2", token), 30, "the alert is an incident")

    add = "amtool --alertmanager.url http://127.0.0.1:9093 alert add CheckoutDown severity=critical service=checkout"
    async with AsyncExitStack() as stack:
        walk = Walk(
            "config/connect-alertmanager.md",
            tmp_path,
            replaced={
                "/etc/alertmanager/tocsin-token": f"{tmp_path}/here/config/alertmanager-token",
                "group_wait: 10s": "group_wait: 0s",
            },
            meanwhile={add: start, "tocsin incidents list --service checkout": arrives},
        )
        await walk.to_the_end()


# Rules


async def test_rules_in_a_pull_request(tmp_path: Path) -> None:
    walk = Walk("rules/testing-in-ci.md", tmp_path)
    await walk.to_the_end()
    github = yaml.safe_load((walk.here / ".github/workflows/tocsin.yml").read_text())["jobs"]["rules"]["steps"]
    gitlab = yaml.safe_load((walk.here / ".gitlab-ci.yml").read_text())["rules"]["script"]
    author = "-c user.name=alex -c user.email=alex@example.com"
    repository = f"git init -qb main && git add . && git {author} commit -qm Rules && git clone -q --bare . ../origin"
    walk.enter("rm -r config rules && tocsin init --minimal .")  # whose tests take a moment only
    for commands in ([step["run"] for step in github if "run" in step], gitlab):
        job = " && ".join(command for command in commands if not command.startswith("pip install "))
        start = f"rm -rf .git before ../origin && {repository} && git remote add origin file://{tmp_path}/origin"
        code, printed = walk.enter(f"{start} && {job}")
        assert (code, "1 event replayed" in printed) == (0, True), printed


async def test_why_was_i_paged(tmp_path: Path) -> None:
    await Walk("rules/why-was-i-paged.md", tmp_path).to_the_end()


# A server


def machine_of(folder: Path) -> dict[str, str]:
    """Make the folders of a server; return what is called otherwise there, and what a test does not install."""
    for name in ("etc/systemd/system", "etc/sysusers.d", "var/lib", "opt"):
        (folder / name).mkdir(parents=True)
    shutil.copytree(ROOT / "systemd", folder / "here/systemd")
    return {
        "sudo .ci/install": "true",
        "/opt/tocsin-0.3.0/bin/": "",
        "/opt/tocsin/bin/": "",
        **{f"/{name}/": f"{folder}/{name}/" for name in ("etc", "opt", "var")},
    }


async def test_an_installation_with_pip(tmp_path: Path) -> None:
    replaced = {
        "git clone https://git.example.com/tocsin": "true",
        "python3 -m venv venv": 'mkdir -p venv/bin && ln -s "$(command -v tocsin)" venv/bin/',
        "venv/bin/pip install ./tocsin": "true",
    }
    await Walk("systemd/install.md", tmp_path, section="With pip", replaced=replaced).to_the_end()


async def test_an_installation_as_a_systemd_service(tmp_path: Path) -> None:
    walk = Walk("systemd/install.md", tmp_path, section="As a systemd service", replaced=machine_of(tmp_path))
    await walk.to_the_end()
    log = (tmp_path / "unit.log").read_text()
    assert (log.count("PAGE DRILL"), "everybody on this machine can read" in log) == (2, False)


async def test_an_installation_in_a_container(tmp_path: Path) -> None:
    await Walk("systemd/install.md", tmp_path, section="In a container").to_the_end()
    log = (tmp_path / "tocsin.log").read_text()
    assert (log.count("PAGE DRILL"), "everybody on this machine can read" in log) == (1, False)


async def test_an_upgrade_and_the_way_back(tmp_path: Path) -> None:
    walk = Walk("systemd/upgrade.md", tmp_path, replaced=machine_of(tmp_path))
    database = tmp_path / "var/lib/tocsin/tocsin.db"
    database.parent.mkdir()
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript((ROOT / "tests/fixtures/upgrade/revision-0011.sql").read_text())
    code, printed = walk.enter("tocsin init /etc/tocsin && cp systemd/tocsin.service /etc/systemd/system/")
    assert code == 0, printed
    await walk.to_the_end()
    assert (tmp_path / "unit.log").read_text().count("PAGE DRILL") == 2


async def test_what_is_kept_and_for_how_long(tmp_path: Path) -> None:
    walk = Walk("config/retention.md", tmp_path, replaced=machine_of(tmp_path))
    start = "cp systemd/tocsin.service /etc/systemd/system/ && systemctl start tocsin.service"
    code, printed = walk.enter(f"tocsin init --minimal /etc/tocsin && {start}")
    assert code == 0, printed
    await walk.to_the_end()
    databases = ["tocsin/backup.db", "tocsin-old/tocsin.db", "tocsin/tocsin.db"]
    assert [name for name in databases if (tmp_path / "var/lib" / name).exists()] == databases[1:]
    assert (tmp_path / "var/lib/tocsin-old/backup.db").stat().st_size > 100_000
