"""tocsin.yaml and the environment that overrides it."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conf.workbench import RULES, Workbench
from tocsin.conf.environment import COMMAND_LINE, variables
from tocsin.conf.settings import Listen, Scope, Settings, parse_listen
from tocsin.core.duration import parse_duration


def token_file(bench: Workbench, name: str = "token", value: str = "a-token-that-is-long-enough") -> None:
    path = bench.config / name
    path.write_text(value)
    path.chmod(0o600)


def test_the_shipped_file_says_the_defaults(bench: Workbench) -> None:
    shipped = bench.load().settings.model_dump(exclude={"channels", "trackers"})
    assert shipped == Settings().model_dump(exclude={"channels", "trackers"})
    assert bench.load().warnings == ()


def test_an_empty_file_means_the_defaults(bench: Workbench) -> None:
    bench.write("tocsin.yaml", "# nothing\n")
    loaded = bench.load()
    assert loaded.settings == Settings()
    assert [channel.name for channel in loaded.channels] == ["console"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("listen: 127.0.0.1:9099", "lisen: 127.0.0.1:9099", "unknown key 'lisen'; did you mean listen?"),
        ("max_body: 16MiB", "max_bodi: 16MiB", "unknown key 'max_bodi'; did you mean max_body?"),
        ("level: info", "levle: info", "unknown key 'levle'; did you mean level?"),
    ],
)
def test_an_unknown_key_is_reported_with_the_nearest_one(bench: Workbench, old: str, new: str, told: str) -> None:
    line, column = bench.edit("tocsin.yaml", old, new)
    assert bench.problems() == [f"tocsin.yaml:{line}:{column}: {told}"]


OCTAL = "a number that begins with 0 is octal to YAML 1.1; write it without the leading 0, or in quotes if it is text"
NO = 'an unquoted no is false to some YAML readers and text to others; write false, or "no" in quotes'
ADDRESS = "is not an address to listen on; write host:port, for example 127.0.0.1:9099 or [::1]:9099"


@pytest.mark.parametrize(
    ("key", "old", "new", "told"),
    [
        ("listen: ", "127.0.0.1:9099", "9099", ADDRESS),
        ("listen: ", "127.0.0.1:9099", "::1:9099", ADDRESS),
        ("listen: ", "127.0.0.1:9099", "localhost:99999", ADDRESS),
        ("instance: ", "tocsin\n", "012\n", OCTAL),
        ("instance: ", "tocsin\n", "7\n", "text is expected here; put it in quotes"),
        ("instance: ", "tocsin\n", "a b\n", "write letters, digits, - _ and . only, a letter or digit first"),
        (
            "shutdown_grace: ",
            "20s",
            "20",
            "a duration needs its unit; write 20s for seconds, 20m for minutes or 20h for hours",
        ),
        ("shutdown_grace: ", "20s", "0s", "must be longer than nothing; write for example 10s"),
        (
            "url: ",
            "sqlite:///var/tocsin.db",
            "postgres://x",
            "is not a store; write sqlite:///var/tocsin.db, sqlite:////an/absolute/path or memory:",
        ),
        ("url: ", "sqlite:///var/tocsin.db", "[a]", "text is expected here"),
        ("max_queue: ", "20000", "many", "a whole number is expected here"),
        ("max_queue: ", "20000", "20", "must be at least 200"),
        ("concurrency: ", "16", "1.5", "a whole number is expected here"),
        ("concurrency: ", "16", "true", "a whole number is expected here"),
        ("level: ", "info", "infos", "'infos' is not allowed here; did you mean info?"),
        ("format: ", "auto", "xml", "'xml' is not allowed here; known: auto, console, json"),
        (
            "lease: ",
            "30s",
            "10s",
            "must be longer than delivery.timeout; a lease that ends during an attempt sends twice",
        ),
        ("targets: ", "[console]", "[]", "must not be empty"),
        (
            "targets: ",
            "[console]",
            "console",
            "a list is expected here; write [a, b], or one line each that begins with -",
        ),
        (
            "targets: [",
            "console]",
            "alx]",
            (
                "'alx' is neither a person, a group nor a target of people.yaml; did you mean alex? "
                "If not, add alx under `people:`"
            ),
        ),
        (
            "playbook: ",
            "emergency-response",
            "emergency",
            "there is no playbook 'emergency'; known: emergency-response",
        ),
        (
            "channels:\n  console: {kind: ",
            "console}",
            "consol}",
            "there is no kind of channel 'consol'; did you mean console?",
        ),
    ],
)
def test_a_wrong_value_is_reported_at_its_position(bench: Workbench, key: str, old: str, new: str, told: str) -> None:
    bench.edit("tocsin.yaml", key + old, key + new)
    before = bench.text("tocsin.yaml").partition(key + new)[0] + key
    place = f"{before.count(chr(10)) + 1}:{len(before.rpartition(chr(10))[2]) + 1}"
    assert bench.problems() == [f"tocsin.yaml:{place}: {told}"]


def test_a_key_without_a_value_is_reported(bench: Workbench) -> None:
    line, column = bench.edit("tocsin.yaml", "store:\n", "tokens:\nstore:\n")
    assert bench.problems() == [f"tocsin.yaml:{line}:{column}: has no value; write one, or remove the line"]


def test_without_a_token_only_loopback_is_listened_on(bench: Workbench) -> None:
    told = "can be reached from other machines, and no token is configured; write tokens:, or listen on 127.0.0.1"
    assert bench.problems({"TOCSIN_LISTEN": "0.0.0.0:9099"}) == [f"TOCSIN_LISTEN: 0.0.0.0:9099 {told}"]
    assert bench.problems({"TOCSIN_LISTEN": ":9099"}) == [f"TOCSIN_LISTEN: :9099 {told}"]
    assert bench.problems({"TOCSIN_LISTEN": "[::1]:9099"}) == []
    token_file(bench)
    tokens = "[{name: am, token_file: token, scopes: [ingest]}]"
    assert bench.problems({"TOCSIN_LISTEN": "0.0.0.0:9099", "TOCSIN_TOKENS": tokens}) == []


@pytest.mark.parametrize(
    ("text", "listen", "is_loopback"),
    [
        ("127.0.0.1:9099", Listen("127.0.0.1", 9099), True),
        ("127.8.8.8:1", Listen("127.8.8.8", 1), True),
        ("[::1]:80", Listen("::1", 80), True),
        ("localhost:0", Listen("localhost", 0), True),
        (":9099", Listen("", 9099), False),
        ("0.0.0.0:9099", Listen("0.0.0.0", 9099), False),
        ("[::]:9099", Listen("::", 9099), False),
        ("tocsin.example.com:9099", Listen("tocsin.example.com", 9099), False),
    ],
)
def test_an_address_knows_who_can_reach_it(text: str, listen: Listen, is_loopback: bool) -> None:
    assert parse_listen(text) == listen
    assert str(listen) == text
    assert listen.is_loopback is is_loopback


def test_tokens_have_names_scopes_and_persons(bench: Workbench) -> None:
    token_file(bench)
    token_file(bench, "other", "another-token-long-enough")
    bench.edit("tocsin.yaml", "store:\n", """\
tokens:
  - {name: am, token_file: token, scopes: [ingest], username: prometheus}
  - {name: alex-cli, token_env: ALEX, scopes: [read, respond, admin], person: alex}
store:
""")  # fmt: skip
    first, second = bench.load({"ALEX": "alexs-token-0123456789"}).tokens
    assert (first.basic_username, first.scopes, first.person) == ("prometheus", (Scope.INGEST,), None)
    assert (second.basic_username, second.person) == ("alex-cli", "alex")
    assert second.scopes == (Scope.READ, Scope.RESPOND, Scope.ADMIN)
    assert first.token.matches("a-token-that-is-long-enough")


def test_mistakes_about_tokens_are_reported_together(bench: Workbench) -> None:
    token_file(bench)
    line, _ = bench.edit("tocsin.yaml", "store:\n", """\
tokens:
  - {name: am, token_file: token, scopes: [ingest]}
  - {name: am, token_file: token, scopes: [ingest], person: alxe}
store:
""")  # fmt: skip
    assert bench.problems() == [
        f"tocsin.yaml:{line + 2}:5: another token has the same value; give each its own",
        f"tocsin.yaml:{line + 2}:12: there is another token 'am'; give each its own name",
        (
            f"tocsin.yaml:{line + 2}:61: 'alxe' is not a person of people.yaml; did you mean alex? "
            "If not, add alxe under `people:`"
        ),
    ]


def test_an_unknown_scope_is_reported_with_the_nearest_one(bench: Workbench) -> None:
    token_file(bench)
    tokens = "[{name: am, token_file: token, scopes: [injest]}]"
    assert bench.problems({"TOCSIN_TOKENS": tokens}) == [
        "TOCSIN_TOKENS:1:41: 'injest' is not allowed here; did you mean ingest?"
    ]


def test_a_short_token_is_a_warning(bench: Workbench) -> None:
    token_file(bench, value="short")
    tokens = "[{name: am, token_file: token, scopes: [ingest]}]"
    assert bench.warnings({"TOCSIN_TOKENS": tokens}) == [
        "TOCSIN_TOKENS:1:2: the token am is shorter than 16 characters; make one with: openssl rand -hex 32"
    ]


def test_the_environment_overrides_every_kind_of_key(bench: Workbench) -> None:
    settings = bench.load(
        {
            "TOCSIN_LISTEN": "127.0.0.1:1234",
            "TOCSIN_STORE_URL": "memory:",
            "TOCSIN_DELIVERY_GIVE_UP_AFTER": "1h",
            "TOCSIN_DELIVERY_CONCURRENCY": "3",
            "TOCSIN_WEBHOOK_MAX_BODY": "1MiB",
            "TOCSIN_SELF_TARGETS": "[alex, console]",
            "TOCSIN_INSTANCE": "012",
        }
    ).settings
    assert settings.listen == Listen("127.0.0.1", 1234)
    assert settings.store.url == "memory:"
    assert settings.delivery.give_up_after == parse_duration("1h")
    assert settings.delivery.concurrency == 3
    assert settings.webhook.max_body == 1 << 20
    assert settings.self_.targets == ("alex", "console")
    assert settings.instance == "012"  # a variable is text: no quotes are needed


def test_a_key_of_the_environment_needs_no_section_in_the_file(bench: Workbench) -> None:
    bench.write("tocsin.yaml", "instance: a\n")
    assert bench.load({"TOCSIN_LOG_LEVEL": "debug"}).settings.log.level == "debug"


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("TOCSIN_LISTEN", "nowhere", f"TOCSIN_LISTEN: {ADDRESS}"),
        ("TOCSIN_DELIVERY_CONCURRENCY", "no", f"TOCSIN_DELIVERY_CONCURRENCY: {NO}"),
        ("TOCSIN_DELIVERY_CONCURRENCY", "", "TOCSIN_DELIVERY_CONCURRENCY: has no value; write one, or remove the line"),
        (
            "TOCSIN_SELF_TARGETS",
            "[alex",
            "TOCSIN_SELF_TARGETS:1:1: this [ is not closed; write ] at its end, or quotes around a text",
        ),
        (
            "TOCSIN_CHANNELS",
            "{a: {kind: console, color: x}}",
            "TOCSIN_CHANNELS:1:21: unknown key 'color'; did you mean colour?",
        ),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(
    bench: Workbench, variable: str, value: str, told: str
) -> None:
    assert bench.problems({variable: value}) == [told]


def test_a_variable_that_overrides_nothing_is_a_warning(bench: Workbench) -> None:
    environ = {"TOCSIN_LISTNE": "x", "HOME": "/", **dict.fromkeys(COMMAND_LINE, "x")}
    assert bench.warnings(environ) == ["TOCSIN_LISTNE: overrides no setting; did you mean TOCSIN_LISTEN?"]


def test_a_variable_that_holds_a_secret_is_no_unknown_variable(bench: Workbench) -> None:
    tokens = "[{name: am, token_env: TOCSIN_AM_TOKEN, scopes: [ingest]}]"
    environ = {"TOCSIN_TOKENS": tokens, "TOCSIN_AM_TOKEN": "a-token-that-is-long-enough"}
    assert bench.warnings(environ) == []


def test_no_two_keys_have_the_same_variable_and_none_is_the_command_lines() -> None:
    names = [variable for variable, _, _ in variables()]
    assert len(names) == len(set(names))
    assert not COMMAND_LINE & set(names)
    assert {"TOCSIN_LISTEN", "TOCSIN_STORE_URL", "TOCSIN_SELF_TARGETS", "TOCSIN_INBOUND_SLACK_SECRETS"} <= set(names)


@settings(deadline=None)
@given(data=st.data())
def test_no_environment_makes_the_loader_fail(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    bench = Workbench(Path(tmp_path_factory.mktemp("env")))
    names = st.sampled_from([variable for variable, _, _ in variables()])
    values = st.text(st.sampled_from("a1:[]{}-,/.&*! \n"), max_size=12)
    environ = data.draw(st.dictionaries(names, values, max_size=3))
    assert isinstance(bench.problems(environ), list)


SOURCES = "# sources:\n#   default:\n#     alertmanager: [http://alertmanager-1:9093, http://alertmanager-2:9093]\n"


def write_sources(bench: Workbench, text: str) -> int:
    """Put a source in place of the one that is commented out; the line of ``sources:``."""
    bench.edit("tocsin.yaml", SOURCES, f"sources:\n{text}")
    return bench.text("tocsin.yaml").partition("\nsources:")[0].count("\n") + 2


@pytest.mark.parametrize(
    ("source", "place", "told"),
    [
        (
            "  eu: {alertmanager: [am:9093]}",
            "1:23",
            "is not an address of an Alertmanager; write http://host:9093, with its",
        ),
        (
            "  eu: {alertmanager: ['http://u:p@am']}",
            "1:23",
            "is not an address of an Alertmanager; write http://host:9093",
        ),
        ("  eu: {alertmanager: []}", "1:22", "must not be empty"),
        ("  eu: {}", "1:3", "'alertmanager' is missing"),
        (
            "  eu: {alertmanager: ['http://am'], look_every: 100ms}",
            "1:49",
            "must not be shorter than a second; write for example 1m",
        ),
        ("  eu: {alertmanager: ['http://am'], username: a}", "1:7", "has only one half of a user name and password"),
        ("  tocsin: {alertmanager: ['http://am']}", "1:3", "'tocsin' is the source of tocsin's own alerts"),
        ("  tocsin-drill: {alertmanager: ['http://am']}", "1:3", "'tocsin-drill' is the source of tocsin's own alerts"),
    ],
)
def test_a_source_that_cannot_be_asked_is_reported_at_its_position(
    bench: Workbench, source: str, place: str, told: str
) -> None:
    line = write_sources(bench, f"{source}\n")
    (problem,) = bench.problems()
    down, column = place.split(":")
    assert problem.startswith(f"tocsin.yaml:{line + int(down)}:{column}: {told}")


def test_a_password_that_goes_to_an_alertmanager_in_the_clear_is_a_warning(bench: Workbench) -> None:
    urls = "[http://am:9093, https://am:9093, http://127.0.0.1:9093]"
    line = write_sources(bench, f"  eu: {{alertmanager: {urls}, bearer_env: B}}\n")
    told = "what authenticates tocsin goes to am unencrypted; write an https:// URL"
    assert bench.warnings({"B": "b"}) == [f"tocsin.yaml:{line + 1}:23: {told}"]


def test_a_source_is_asked_each_minute_with_its_password(bench: Workbench) -> None:
    write_sources(bench, "  eu: {alertmanager: ['http://am:9093/prefix/'], username: a, password_env: P}\n")
    (source,) = bench.load({"P": "a-password-1"}).settings.sources.values()
    assert (source.alertmanager, source.look_every) == (("http://am:9093/prefix",), 60_000_000)
    assert source.password is not None
    assert source.password.reveal() == "a-password-1"


PAGERDUTY_INBOUND = "inbound:\n  pagerduty: {rest_key_env: K, rest_url: URL}\n"


@pytest.mark.parametrize(
    "url", ["http://api.pagerduty.com", "api.pagerduty.com", "https://user@api.pagerduty.com", "'https://x/?a=1'", "''"]
)
def test_a_rest_key_does_not_go_to_what_is_no_address_of_pagerdutys(bench: Workbench, url: str) -> None:
    bench.write("tocsin.yaml", PAGERDUTY_INBOUND.replace("URL", url))
    (problem,) = bench.problems({"K": "a-rest-key"})
    assert "is not the address of PagerDuty's REST API; write https://api.pagerduty.com" in problem


@pytest.mark.parametrize("url", ["https://api.eu.pagerduty.com/", "http://127.0.0.1:8081"])
def test_a_rest_key_comes_from_the_environment_a_file_or_a_credential(bench: Workbench, url: str) -> None:
    bench.write("tocsin.yaml", PAGERDUTY_INBOUND.replace("URL", url))
    pagerduty = bench.load({"K": "a-rest-key"}).settings.inbound.pagerduty
    assert pagerduty.rest_key is not None
    assert (pagerduty.rest_key.reveal(), pagerduty.rest_url) == ("a-rest-key", url.rstrip("/"))


def test_an_empty_file_is_reported_with_its_consequences(bench: Workbench) -> None:
    bench.write("tocsin.yaml", "")
    (bench.config / bench.playbook).rename(bench.config / "playbooks" / "on-call.yaml")
    (bench.rules / "rules.yaml").write_text(RULES.replace("playbook: emergency-response, ", ""))
    empty, playbook, listen = bench.problems({"TOCSIN_LISTEN": "0.0.0.0:9099"})
    assert listen == (
        "TOCSIN_LISTEN: 0.0.0.0:9099 can be reached from other machines, and no token is configured; "
        "write tokens:, or listen on 127.0.0.1"
    )
    assert empty.startswith("tocsin.yaml:1:1: is empty: there is no token and no channel but the console")
    assert playbook == (
        "tocsin.yaml:1:1: there is no playbook 'emergency-response', which is the default where `playbook:` is "
        "missing; write `playbook: on-call`"
    )


def test_an_empty_file_is_reported_with_an_unreadable_one(bench: Workbench) -> None:
    bench.write("tocsin.yaml", "# nothing\n")
    bench.write("people.yaml", "a: [1\n")
    assert [problem.partition(":")[0] for problem in bench.problems()] == ["people.yaml", "tocsin.yaml"]
