"""Requests to Slack's Web API: each returns the answer, or the receipt for a refusal."""

import logging
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from tocsin.channels import http
from tocsin.channels.hold_off import HoldOff
from tocsin.channels.slack.errors import classify
from tocsin.channels.slack.settings import SlackSettings
from tocsin.channels.text import plain, without
from tocsin.ports.channel import Outcome, Reason, Receipt

_LOGGER = logging.getLogger(__name__)
_LOGGER.setLevel(logging.WARNING)  # at lower levels, the client would log whole messages


class SlackRefusal(Exception):
    """A request that Slack refused or did not answer; ``receipt`` has the reason."""

    def __init__(self, receipt: Receipt, error: str = "") -> None:
        super().__init__(receipt.detail)
        self.receipt = receipt
        self.error = error


class SlackClient:
    """The API client of one bot. Call ``start`` first."""

    def __init__(self, settings: SlackSettings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None
        self._client: AsyncWebClient | None = None
        self._hold_off = HoldOff()

    async def start(self) -> None:
        """Open the connection pool."""
        self._session = http.open_session(self._settings.timeout)
        self._client = AsyncWebClient(
            self._settings.token.reveal(),
            base_url=self._settings.base_url,
            session=self._session,
            retry_handlers=[],
            logger=_LOGGER,
        )
        # The client would otherwise use a proxy that the environment names.
        self._client.proxy = None

    async def close(self) -> None:
        """Close the connection pool."""
        session, self._session, self._client = self._session, None, None
        if session is not None:
            await session.close()

    async def call(self, method: str, now: int, *, form: bool = False, **arguments: Any) -> dict[str, Any]:
        """Return Slack's response.

        ``form``: send the arguments as a form, which every method accepts; some methods do not accept JSON.

        Raises:
            SlackRefusal: Slack does not respond, or responds with an error.
        """
        if self._client is None:
            raise SlackRefusal(Receipt(Outcome.RETRY, Reason.INTERNAL, detail="the channel is not started"))
        # Slack has a rate limit for each method, and for posts also a limit for each channel.
        kind = f"{method} {arguments.get('channel', '')}"
        held = self._hold_off.ask(kind, now)
        if held is not None:
            raise SlackRefusal(held, "ratelimited")
        try:
            parameters: dict[str, Any] = {"data": _as_form(arguments)} if form else {"json": arguments}
            answer = await self._client.api_call(method, **parameters)
        except SlackApiError as error:
            refusal = self._refusal(error, now)
            self._hold_off.note(kind, refusal.receipt, now)
            raise refusal from None
        except (aiohttp.ClientError, OSError) as error:
            raise SlackRefusal(http.classify_error(error)) from None
        except Exception:  # noqa: BLE001 - the client trips over answers that are no JSON objects
            raise SlackRefusal(http.unreadable()) from None
        if not isinstance(answer.data, dict):
            raise SlackRefusal(http.unreadable(200))
        return answer.data

    def _refusal(self, failure: SlackApiError, now: int) -> SlackRefusal:
        answer = failure.response
        wait = http.retry_after(answer.headers, now)
        if not isinstance(answer, AsyncSlackResponse) or not isinstance(answer.data, dict):
            # The body is not a JSON object, so only the status is known. The response is the client's own object or, if
            # the client cannot make one, aiohttp's.
            status = getattr(answer, "status_code", None) or getattr(answer, "status", None) or 0
            return SlackRefusal(_by_status(int(status), "", wait))
        error = plain(str(answer.data.get("error") or ""), 100)
        if answer.status_code != 200 or not error:
            return SlackRefusal(_by_status(answer.status_code, error, wait), error)
        outcome, reason = classify(error)
        return SlackRefusal(Receipt(outcome, reason, self._described(answer.data, error), 200, wait), error)

    def _described(self, data: dict[str, Any], error: str) -> str:
        """Return the error with Slack's details: the missing scope, the invalid block."""
        metadata = data.get("response_metadata")
        messages = metadata.get("messages", []) if isinstance(metadata, dict) else []
        added = [str(each) for each in (data.get("needed"), *messages) if each]
        detail = ": ".join([error, "; ".join(added)]) if added else error
        return plain(without(detail, [self._settings.token.reveal()]), http.DETAIL_LIMIT)


def _as_form(arguments: dict[str, Any]) -> dict[str, str]:
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in arguments.items()}


def _by_status(status: int, error: str, wait: int | None) -> Receipt:
    if status // 100 == 2:
        return http.unreadable(status)
    return http.classify_status(status, error, wait)
