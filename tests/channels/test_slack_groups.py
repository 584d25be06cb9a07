"""Members of a Slack user group, from a strict stand-in."""

import pytest

from tocsin.channels.registry import group_members
from tocsin.channels.slack.settings import SlackSettings
from tocsin.conf.channels import ConfiguredChannel
from tocsin.conf.secrets import Secret
from tocsin.core.errors import SourceUnavailable
from tocsin.testing.content import NOW
from tocsin.testing.slack_server import TOKEN, SlackServer
from tocsin.testing.standin import ErrorStatus, Hang, Junk


@pytest.fixture
async def server():
    async with SlackServer() as running:
        running.groups["S0ONCALL"] = ["U0ALICE", "U0BOB"]
        running.scopes = frozenset({"chat:write", "usergroups:read"})
        yield running


async def members(server: SlackServer, group: str = "S0ONCALL") -> tuple[str, ...]:
    given = {"token": Secret(TOKEN), "base_url": server.api_url, "timeout": "400ms"}
    return await group_members(ConfiguredChannel("chat", "slack", SlackSettings.model_validate(given)), group, NOW)


async def test_the_members_of_a_group_are_listed(server: SlackServer) -> None:
    assert await members(server) == ("U0ALICE", "U0BOB")


@pytest.mark.parametrize("fault", [ErrorStatus(429, {"Retry-After": "30"}), ErrorStatus(500), Hang(), Junk()], ids=str)
async def test_where_slack_does_not_say_it_is_unavailable(server: SlackServer, fault: object) -> None:
    server.fail(fault)
    with pytest.raises(SourceUnavailable):
        await members(server)


async def test_a_missing_scope_is_named(server: SlackServer) -> None:
    server.scopes = frozenset({"chat:write"})
    with pytest.raises(SourceUnavailable, match="missing_scope: usergroups:read"):
        await members(server)


async def test_a_group_that_is_not_there_is_named(server: SlackServer) -> None:
    with pytest.raises(SourceUnavailable, match="no_such_subteam"):
        await members(server, "S0NONE")
