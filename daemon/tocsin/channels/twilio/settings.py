"""What stands under ``channels:`` for Twilio, and under ``contact:`` for somebody with a telephone."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from tocsin.channels.http import check_base_url
from tocsin.conf.channels import ChannelSettings, ContactSettings
from tocsin.conf.duration import Duration
from tocsin.conf.schema import Text, Whole, YesNo, mistake
from tocsin.conf.secrets import Secret
from tocsin.core.people import Contact
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
"""The languages of Twilio's voices ("Text-to-speech: languages and voices"). A call in another one says nothing."""


def _language(value: str) -> str:
    if value not in LANGUAGES:
        hint = did_you_mean(value, sorted(LANGUAGES)) or "write for example en-US, en-GB or de-DE"
        raise mistake("is no language of Twilio's voices", hint)
    return value


Number = Annotated[Text, AfterValidator(_number)]
"""A telephone number in the form of E.164."""


class TwilioSettings(ChannelSettings):
    """Twilio's Programmable Voice or Messaging, one of them a channel."""

    mode: Literal["call", "sms"]
    account: Annotated[Text, _sid("AC")]
    """The Account SID."""
    api_key: Annotated[Text, _sid("SK")] | None = None
    """Authenticates with this API key; ``token`` is then its secret."""
    token: Secret
    """The account's auth token, or the API key's secret."""
    sender: Annotated[Number | None, Field(alias="from")] = None
    """The number that calls, or sends."""
    messaging_service: Annotated[Text, _sid("MG")] | None = None
    """Sends an SMS from whichever of its numbers fits, instead of ``from``."""
    language: Annotated[str, AfterValidator(_language)] = "en-US"
    """Of the voice that reads a page out, as Twilio names it; the words are English."""
    ring_for: Annotated[Duration, AfterValidator(_ring)] = 30_000_000
    """How long it rings; shorter than until a mailbox answers."""
    segments: Annotated[Whole, Field(ge=1, le=10)] = 2
    """How many segments an SMS may have: each is paid for."""
    acknowledge: YesNo = True
    """Whether a key, or a reply, acknowledges: where ``external_url`` and ``inbound.twilio.secrets`` are set."""
    base_url: Annotated[Text, AfterValidator(check_base_url)] = "https://api.twilio.com"
    timeout: Duration = 8_000_000
    """Bounds one call of Twilio's API."""

    @property
    def asks_for_answers(self) -> bool:
        """Unless it is switched off."""
        return self.acknowledge

    @property
    def informs(self) -> bool:
        """Only a text: nobody is called to be told that an update is due."""
        return self.mode == "sms"

    @model_validator(mode="after")
    def _has_a_sender(self) -> "TwilioSettings":
        if self.mode == "call" and self.sender is None:
            raise mistake("has no number to call from", 'write from: "+15005550006"')
        if self.mode == "call" and self.messaging_service is not None:
            raise mistake("has a messaging service, which calls nobody", "remove messaging_service:")
        if (self.sender is None) == (self.messaging_service is None):
            raise mistake("needs one sender", "write from:, or messaging_service:")
        return self


class TwilioContact(ContactSettings):
    """Somebody with a telephone."""

    number: Number

    def contact(self, channel: str) -> Contact:
        """The destination is the number."""
        return Contact(channel, self.number)
