"""Members of a Slack user group."""

from tocsin.channels.slack.client import SlackClient, SlackRefusal
from tocsin.channels.slack.settings import SlackSettings
from tocsin.core.errors import SourceUnavailable


async def group_members(settings: SlackSettings, group: str, now: int) -> tuple[str, ...]:
    """Return the user ids of a group from ``usergroups.users.list``, which needs the scope usergroups:read.

    Raises:
        SourceUnavailable: Slack does not return the members.
    """
    client = SlackClient(settings)
    await client.start()
    try:
        answer = await client.call("usergroups.users.list", now, form=True, usergroup=group)
    except SlackRefusal as refused:
        raise SourceUnavailable(refused.receipt.detail or str(refused.receipt.reason)) from None
    finally:
        await client.close()
    users = answer.get("users")
    if not isinstance(users, list) or not all(isinstance(user, str) for user in users):
        raise SourceUnavailable("Slack's answer holds no list of users")
    return tuple(users)
