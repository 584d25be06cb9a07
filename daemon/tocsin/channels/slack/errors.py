"""Slack's errors: mostly HTTP 200 with ``ok: false`` and the name of an error."""

from tocsin.ports.channel import Outcome, Reason

_RATE_LIMITED = ("ratelimited", "rate_limited", "message_limit_exceeded")
_AUTH = (
    *("access_denied", "account_inactive", "accesslimited", "ekm_access_denied", "enterprise_is_restricted"),
    *("invalid_auth", "missing_scope", "no_permission", "not_allowed_token_type", "not_authed"),
    *("org_login_required", "team_access_not_granted", "team_not_found", "token_expired", "token_revoked"),
    *("two_factor_setup_required",),
)
_LATER = ("service_unavailable", "team_added_to_org", "external_channel_migrating", "update_failed")
_UNKNOWN = ("internal_error", "fatal_error")
"""Errors after which, by Slack's documentation, part of the operation may have succeeded."""

_TABLE = {
    **dict.fromkeys(_RATE_LIMITED, (Outcome.RETRY, Reason.RATE_LIMITED)),
    **dict.fromkeys(_AUTH, (Outcome.PERMANENT, Reason.AUTH)),
    **dict.fromkeys(_LATER, (Outcome.RETRY, Reason.SERVER_ERROR)),
    **dict.fromkeys(_UNKNOWN, (Outcome.AMBIGUOUS, Reason.SERVER_ERROR)),
    # Slack did not get the whole request.
    "request_timeout": (Outcome.RETRY, Reason.TIMEOUT),
}

MESSAGE_GONE = frozenset({"cant_update_message", "edit_window_closed", "message_not_found"})
"""Errors of ``chat.update`` after which a new message is posted."""

THREAD_GONE = frozenset(
    {
        *("cannot_reply_to_message", "invalid_thread_ts", "message_not_found", "thread_not_found"),
        *("restricted_action_non_threadable_channel", "restricted_action_thread_locked"),
    }
)
"""Errors of ``chat.postMessage`` after which the message is posted outside the thread."""


def classify(error: str) -> tuple[Outcome, Reason]:
    """Return the outcome and the reason for the name of an error; an unknown error is permanent."""
    return _TABLE.get(error, (Outcome.PERMANENT, Reason.CLIENT_ERROR))
