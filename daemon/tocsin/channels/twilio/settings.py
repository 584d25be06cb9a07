"""Twilio's settings in ``channels:`` and ``contact:``."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from tocsin.channels.http import check_base_url
from tocsin.conf.channels import ChannelSettings, ContactSettings
from tocsin.conf.duration import Duration
from tocsin.conf.schema import Text, Whole, YesNo, mistake
from tocsin.conf.secrets import Secret
from tocsin.core.oncall.people import Contact
from tocsin.core.suggestions import did_you_mean

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")


def _number(value: str) -> str:
    if not _NUMBER.fullmatch(value):
        raise mistake("is no telephone number", 'write it in the international form, in quotes: "+491711234567"')
    return value


def _sid(prefix: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(rf"{prefix}[0-9a-fA-F]{{32}}", value):
            raise mistake(f"is no such id of Twilio's: theirs are {prefix} and 32 hexadecimal digits", "")
        return value

    return AfterValidator(check)


def _ring(value: int) -> int:
    if not 5_000_000 <= value <= 600_000_000:
        raise mistake("is no time to let it ring", "write 5s to 10m")
    return value


LANGUAGES = frozenset(
    {
        *("af-ZA", "ar-AE", "ar-XA", "arb", "bg-BG", "bn-IN", "ca-ES", "cmn-CN", "cmn-TW"),
        *("cs-CZ", "cy-GB", "da-DK", "de", "de-AT", "de-DE", "el-GR", "en", "en-AU"),
        *("en-CA", "en-GB", "en-GB-WLS", "en-IE", "en-IN", "en-NZ", "en-US", "en-ZA", "en-gb"),
        *("es", "es-ES", "es-MX", "es-US", "et-EE", "eu-ES", "fi-FI", "fil-PH", "fr"),
        *("fr-BE", "fr-CA", "fr-FR", "gl-ES", "gu-IN", "he-IL", "hi-IN", "hu-HU", "id-ID"),
        *("is-IS", "it", "it-IT", "ja-JP", "kn-IN", "ko-KR", "lt-LT", "lv-LV", "ml-IN"),
        *("mr-IN", "ms-MY", "nb-NO", "nl-BE", "nl-NL", "pa-IN", "pl-PL", "pt-BR", "pt-PT"),
        *("ro-RO", "ru-RU", "sk-SK", "sr-RS", "sv-SE", "ta-IN", "te-IN", "th-TH", "tr-TR"),
        *("uk-UA", "vi-VN", "yue-CN", "yue-HK", "zh-CN", "zh-HK", "zh-TW"),
    }
)
"""The languages of Twilio's voices ("Text-to-speech: languages and voices"). A call in another one is silent."""


def _language(value: str) -> str:
    if value not in LANGUAGES:
        hint = did_you_mean(value, sorted(LANGUAGES)) or "write for example en-US, en-GB or de-DE"
        raise mistake("is no language of Twilio's voices", hint)
    return value


Number = Annotated[Text, AfterValidator(_number)]
"""A telephone number in the form of E.164."""


class TwilioSettings(ChannelSettings):
    """Twilio: telephone calls or SMS; one channel makes calls, another one sends SMS."""

    mode: Literal["call", "sms"]
    """``call``: a telephone call (pages only). ``sms``: a text message (pages, updates, acknowledgments and resolves).
    """
    account: Annotated[Text, _sid("AC")]
    """The Account SID, ``AC...``."""
    api_key: Annotated[Text, _sid("SK")] | None = None
    """An API key, ``SK...``, that authenticates instead of the account."""
    token: Secret
    """The account's auth token, or with ``api_key`` that key's secret."""
    sender: Annotated[Number | None, Field(alias="from")] = None
    """The number that calls or sends, in quotes: ``"+15005550006"``. Required, unless ``messaging_service`` is set."""
    messaging_service: Annotated[Text, _sid("MG")] | None = None
    """A messaging service, ``MG...``, which chooses the number from which an SMS is sent. Required, unless ``from`` is
    set.
    """
    language: Annotated[str, AfterValidator(_language)] = "en-US"
    """The voice that reads the page out, as Twilio names languages; the words are English."""
    ring_for: Annotated[Duration, AfterValidator(_ring)] = 30_000_000
    """Ringing time of a telephone call, ``5s`` to ``10m``; choose a time before the voicemail answers."""
    segments: Annotated[Whole, Field(ge=1, le=10)] = 2
    """Maximum number of segments of an SMS, 1 to 10; each is charged. A longer text is truncated, but never the reply
    instructions.
    """
    segments_per_second: Annotated[Whole, Field(ge=1, le=1000)] = 1
    """Number of segments that Twilio sends in a second for the number or the messaging service, 1 to 1000 (one for a
    long code). While more of them wait at Twilio, updates wait at tocsin, so that pages do not wait behind them.
    """
    acknowledge: YesNo = True
    """``true``: pressing a key during the call, or replying to the SMS, acknowledges."""
    base_url: Annotated[Text, AfterValidator(check_base_url)] = "https://api.twilio.com"
    """The address of Twilio's API. Plain http for loopback only."""
    timeout: Duration = 8_000_000
    """Maximum time of one API request."""

    @property
    def asks_for_answers(self) -> bool:
        """Return whether responses are enabled."""
        return self.acknowledge

    @property
    def informs(self) -> bool:
        """Return whether updates are sent: by SMS only; a call is made only for pages."""
        return self.mode == "sms"

    @model_validator(mode="after")
    def _has_a_sender(self) -> "TwilioSettings":
        if self.mode == "call" and self.sender is None:
            raise mistake("has no number to call from", 'write from: "+15005550006"')
        if self.mode == "call" and self.messaging_service is not None:
            raise mistake("has a messaging service, which cannot make calls", "remove messaging_service:")
        if (self.sender is None) == (self.messaging_service is None):
            raise mistake("needs one sender", "write from:, or messaging_service:")
        return self


class TwilioContact(ContactSettings):
    """A contact with a phone number."""

    number: Number
    """A telephone number in its international form, in quotes: ``"+491711234567"``."""

    def contact(self, channel: str) -> Contact:
        """Return the contact. The destination is the phone number."""
        return Contact(channel, self.number)
