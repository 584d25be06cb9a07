"""The parameters of Twilio's API for a notification: the spoken text of a call, the text of an SMS.

Published limits: 4,000 characters of inline TwiML, 1,600 of an SMS. Twilio drops a message that has waited longer
than ``ValidityPeriod`` seconds. We set an hour: an older page helps no one.
"""

import re
from collections.abc import Iterable
from urllib.parse import urlencode
from xml.sax.saxutils import escape, quoteattr

from tocsin.channels import counts, hand_over, next_pages, next_steps, outcomes, wording
from tocsin.channels.alert_groups import grouped
from tocsin.channels.persons import capitalized, holder, is_own, person, reachable
from tocsin.channels.text import cut_words, ends_in_command, is_link, lines_of, plain, sentence
from tocsin.channels.twilio.segments import fitting_lines, is_gsm, packed, segments
from tocsin.channels.twilio.settings import TwilioSettings
from tocsin.core.content.page import Content
from tocsin.core.duration import SECOND
from tocsin.core.incident.outbox import DIGEST, Job
from tocsin.core.incident.sla import ACKNOWLEDGED_STEP, BREACH_STEP, DRAFT_STEP, MEETING_STEP, REMINDER
from tocsin.core.incident.wording import RAISED, STILL_OPEN, UNANSWERED

CALLBACK = "/webhooks/twilio"
"""The path of Twilio's callbacks."""
KEY = "1"
"""The key that acknowledges."""

VALID_FOR = 3600
"""Seconds after which Twilio drops an SMS that is still in its queue."""
WAIT_FOR_KEY = 8
"""Seconds for which a call waits for a key after the text."""
HEAD_LIMIT = 350
"""Maximum length of the first part of a spoken text, in characters."""
DETAILS_LIMIT = 450
"""Maximum length of the second part of a spoken text, in characters."""
NAME_LIMIT = 60
"""Maximum length of a name, in characters."""
TITLE_LIMIT = 160
"""Maximum length of a title, in characters."""
LINES = 100
"""Maximum number of lines of a playbook's text that are read; an SMS holds fewer."""
FACTS_LIMIT = 240
"""Maximum length of the facts about a group of alerts, in characters."""
FEWEST_WORDS = 5
"""Minimum number of words of a fact that is cut."""
ESCAPED_HEAD_LIMIT = 500
"""Maximum length of the first part of a spoken text as XML, in characters."""
ESCAPED_LIMIT = 700
"""Limit of the spoken text as XML: it appears twice, and Twilio accepts 4,000 characters in all."""
_DURATION = re.compile(r"\b(\d+) (d|h|min|s)\b", re.ASCII)
_UNITS = {"d": "day", "h": "hour", "min": "minute", "s": "second"}
_COMMAND = re.compile(r": tocsin incidents ack (\d+)", re.ASCII)
_TAKE = re.compile(r"Or take #(\d+) yourself: tocsin incidents ack \1", re.ASCII)
_STEPS = re.compile(r"(?<=[.] )In \S+: 1\) .+? 4\) [^.]+[.]", re.ASCII)
"""Steps with names of files, which no one can note by ear: another channel carries them in full."""
_ADDRESS = re.compile(r"\s/\w+/", re.ASCII)
"""The path of an address, which says nothing by ear."""
_AS_ROLE = re.compile(r"\(you are (paged as [^)]*)\)")
_SENTENCES = re.compile(r"(?<=[.!?]) (?=[A-Z])")
_DRAFT = re.compile(r'Draft \d+: "', re.ASCII)
"""The start of a draft's text, which no sentence of another message may be mistaken for."""
_PICTURES = re.compile(r"[\u2600-\u27bf\ufe0f\u200d\U0001f000-\U0001faff]")
"""Emoji and the invisible characters that modify them."""
_PAIR = re.compile(r"(\w)=(?=[\w/\"])(\S)")
_NUMBERED = re.compile(r"#(?=[0-9])")
_PATH = re.compile(r"\s?(?<![<:/])/(?!/)\s?")
_NOT_XML = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def call(content: Content, settings: TwilioSettings) -> dict[str, str]:
    """Return the parameters of a call (Calls.json)."""
    return {
        "To": content.destination,
        "From": settings.sender or "",
        "Timeout": str(settings.ring_for // SECOND),
        "Twiml": twiml(content, settings),
    }


def message(content: Content, settings: TwilioSettings) -> dict[str, str]:
    """Return the parameters of an SMS (Messages.json)."""
    parameters = {"To": content.destination, "Body": text(content, settings), "ValidityPeriod": str(VALID_FOR)}
    if settings.messaging_service:
        return parameters | {"MessagingServiceSid": settings.messaging_service}
    return parameters | {"From": settings.sender or ""}


def twiml(content: Content, settings: TwilioSettings) -> str:
    """Return the script of the call: the page twice; if callbacks are configured, a key acknowledges."""
    say = f"<Say language={quoteattr(settings.language)}>{{}}</Say>"
    head, details = (say.format(escape(text)) for text in _spoken(content))
    if not is_answerable(content, settings):
        again, end = say.format("This message is repeated once."), say.format("Goodbye.")
        return f'<Response>{head}{details}{again}<Pause length="1"/>{head}{details}{end}</Response>'
    action = f"{content.external_url}{CALLBACK}?{urlencode({'page': content.key})}"
    script = f"{head}{say.format(escape(_ask(content)))}{details}"
    gather = f'<Gather numDigits="1" timeout="{WAIT_FOR_KEY}" action={quoteattr(action)}>{script}{script}</Gather>'
    left = "" if next_pages.is_taken(content) else " This page is still unanswered."
    return f"<Response>{gather}{say.format(f'No key pressed.{left} Goodbye.')}</Response>"


def _ask(content: Content) -> str:
    """Return the prompt for the key, spoken before the details, since the key can be pressed at any time."""
    if next_pages.is_taken(content):
        keeps = plain(person(content, content.acknowledged_by), NAME_LIMIT)
        return f"Press {KEY} when you have heard this; {keeps} keeps the incident."
    what = f" all {content.members} incidents" if content.members is not None else ""
    if next_steps.other_incident(content):
        return f"Pressing {KEY} only stops this notice; the incident stays open."
    what = " this notice" if content.is_own else what
    return f"Press {KEY} at any time to acknowledge{what}."


def text(content: Content, settings: TwilioSettings) -> str:
    """Return the text of the SMS."""
    if content.text is not None:  # a text of the playbook, which may go to customers: nothing is added to it
        said = [content.subject, *content.text.unmarked.splitlines()[:LINES]]
        return _own_words(list(filter(None, map(_line, said))), settings.segments)
    coming = "" if content.job in (Job.ACKNOWLEDGE, Job.RESOLVE) else next_pages.next_in_short(content)
    tail = f" {content.url}" if is_link(content.url) and len(content.url) <= TITLE_LIMIT // 2 else ""
    if content.job is Job.PAGE and is_answerable(content, settings) and not next_pages.is_taken(content):
        what = f" to acknowledge all {content.members}" if content.members is not None else ""
        what = " to acknowledge this notice" if content.is_own else what
        tail += f" Reply{what}: ack {content.number}"
        tail += f" ({content.number} is the storm)" if content.members is not None else ""
    head = sentence(_line(wording.headline(content)))
    if hand_over.of(content):
        head = f"{wording.kind(content)} {head}"
    lines = [_line(part) for part in _parts(content) if part]
    if content.is_own and is_answerable(content, settings):
        lines = [_COMMAND.sub(r": reply ack \1", line) for line in lines]
    parts = _for_a_computer(lines)
    sentences = [each for part in parts for each in ([part] if _DRAFT.match(part) else _SENTENCES.split(part))]
    if content.step.startswith(MEETING_STEP):  # an e-mail has the agenda; here its room is for the command
        sentences = [each for each in sentences if not each.startswith("Agenda: ")]
    at = "" if any(": tocsin " in each for each in sentences) else ", on a computer"
    # The command shows the alerts and the duties, but no agenda and no other command.
    is_shown = not content.is_alarm and not content.step.startswith((REMINDER, BREACH_STEP, MEETING_STEP))
    rest = f"The rest{at}: tocsin incidents show {content.number}" if is_shown else ""
    before = _SENTENCES.split(_line(wording.paged_before(content)))
    if sentences[1:] and segments(" ".join([head, *sentences])) > settings.segments:
        sentences = [each for each in sentences if not _DRAFT.match(each)]  # its first command shows it
    sentences = _with_a_fact(content, head, sentences, tail, settings.segments)
    short = packed(head, sentences, tail, settings.segments, rest=rest, optional=before)
    coming = _line(coming)
    tail = f" {coming}{tail}"
    longer = packed(head, sentences, tail, settings.segments, rest=rest, optional=before) if coming else ""
    needed = sentences[: _needed(content, sentences)]
    has_room = sum(each in longer for each in needed) == sum(each in short for each in needed)
    return longer if longer and has_room and coming in longer else short


def _with_a_fact(content: Content, head: str, sentences: list[str], tail: str, most: int) -> list[str]:
    """Return the sentences, the first fact cut after a word if no fact fits as a whole: it says what is broken."""
    facts = [line for line in map(_line, _facts(content)) if line in sentences]
    said = packed(head, sentences, tail, most)
    if not facts or any(fact in said for fact in facts):
        return sentences
    at, words = sentences.index(facts[0]), facts[0].split(" ")
    for count in range(len(words) - 1, FEWEST_WORDS - 1, -1):
        cut = f"{' '.join(words[:count]).rstrip(' ,;:.')}..."
        if cut in packed(head, [*sentences[:at], cut, *sentences[at + 1 :]], tail, most):
            return [*sentences[:at], cut, *sentences[at + 1 :]]
    return sentences


def _own_words(lines: list[str], most: int) -> str:
    """Return a playbook's text; if its emoji would cost its end, without them: they more than halve the room."""
    text = fitting_lines(lines, most)
    plainer = [line for line in (_PICTURES.sub("", line).strip() for line in lines) if line]
    if text == "\n".join(lines) or not is_gsm("\n".join(plainer)):
        return text
    return fitting_lines(plainer, most)


def _needed(content: Content, sentences: list[str]) -> int:
    """Return how many of the first sentences matter more than the next pages: what is broken, and what to do."""
    facts = [_line(each) for each in _SENTENCES.split(content.summary) if each] if content.is_own else []
    facts = facts or [_line(each) for each in _facts(content, has_counts=False)]
    fact = facts[-1 if content.is_own else 0] if facts else ""
    if content.because.startswith(UNANSWERED) and content.paged_before and not content.stranded:
        fact = _line(_SENTENCES.split(wording.paged_before(content))[-1])
    if fact in sentences:
        return sentences.index(fact) + 1
    return 1 if content.stranded else 0


def _parts(content: Content) -> list[str]:
    """Return the sentences of an SMS, the most useful first: those at the end are left out if it is too long."""
    if content.job in (Job.ACKNOWLEDGE, Job.RESOLVE):
        return lines_of(outcomes.taken(content) if content.job is Job.ACKNOWLEDGE else outcomes.ending(content))
    is_brief = content.resolved_at is not None or content.step.startswith((REMINDER, BREACH_STEP, ACKNOWLEDGED_STEP))
    facts = [] if is_brief else [content.summary] if content.is_notice else _facts(content)
    if shift := hand_over.of(content):
        return [sentence(capitalized(content, shift.because)), *_requests(content)]
    if content.is_reminder:
        return [sentence(content.summary), wording.reason(content), *_requests(content)]
    stranded = wording.stranded(content) if content.stranded else ""
    remarks = [sentence(remark) for remark in wording.remarks(content) if remark != stranded]
    if stranded and content.job is Job.PAGE:
        *asked, why = _SENTENCES.split(stranded)
        return [" ".join(asked), *facts, wording.reason(content), *remarks, why]
    before, storm_list = wording.paged_before(content), wording.storm_list(content)
    happened, about_summaries = wording.reason(content), ""
    if content.step == DIGEST:  # how often summaries come matters less than what is broken
        happened, _, about_summaries = happened.partition(". ")
    first = [sentence(happened), *remarks, next_steps.help_wanted(content)]
    if content.job is Job.PAGE:
        first = [stranded, *first]
    if content.because.startswith(UNANSWERED):  # who was paged says more than the texts of the alerts
        return [*first, before, *facts, storm_list]
    stranded = stranded if content.job is not Job.PAGE else ""
    return [*first, stranded, *_requests(content), *facts, about_summaries, storm_list, before]


def _requests(content: Content) -> list[str]:
    """Return the lines of an update's request; of a draft the commands first, since its text may have to be cut."""
    lines = lines_of(next_steps.request(content)) if content.job is Job.UPDATE else []
    return (
        sorted(lines, key=lambda line: not ends_in_command(line)[1]) if content.step.startswith(DRAFT_STEP) else lines
    )


def _for_a_computer(parts: Iterable[str]) -> list[str]:
    """Return the parts with the first command marked as one for a terminal, which is no reply to an SMS."""
    marked = list(parts)
    for index, part in enumerate(marked):
        if ": tocsin " in part:
            marked[index] = part.replace(": tocsin ", ", on a computer: tocsin ", 1)
            break
    return marked


def is_answerable(content: Content, settings: TwilioSettings) -> bool:
    """Return whether the recipient can respond."""
    return settings.acknowledge and is_link(content.external_url) and bool(content.incident_id)


def _spoken(content: Content) -> tuple[str, str]:
    """Return the spoken text: what happened, where, how severe, and for whom; then the details."""
    reader = wording.addressee(content)
    head = [
        "This is a drill." if content.drill else "",
        "You may have had this call already." if content.possible_duplicate else "",
        *_opening(content),
        sentence(counts.number_firing(content)),
        "" if content.is_own or content.is_alarm else f"Severity {content.severity}.",
        wording.stranded(content) if content.stranded else f"Tocsin page {plain(reader, NAME_LIMIT)}".rstrip() + ".",
    ]
    facts, why = plain(_spoken_facts(content), FACTS_LIMIT), _why(content)
    name = "Storm" if content.members is not None else "Incident"
    details = [
        *((why, facts) if content.is_alarm else (facts, why)),  # the reason of an alarm says what to do
        wording.paged_before(content),
        next_pages.next_in_short(content).replace("If not resolved", "If it is not resolved"),
        "" if content.is_alarm else f"{name} {content.number}.",
    ]
    return _fitting(head, HEAD_LIMIT, ESCAPED_HEAD_LIMIT), _fitting(details, DETAILS_LIMIT, ESCAPED_LIMIT)


def _spoken_facts(content: Content) -> str:
    """Return the facts of a call: without the request that tocsin refused, whose address no one can note by ear."""
    facts = _facts(content, has_counts=False)
    if content.is_own:
        facts = [part for part in facts if part in content.summary or not _ADDRESS.search(part)]
    return " ".join(f"{part}." if ends_in_command(part)[1] else part for part in facts)


def _opening(content: Content) -> list[str]:
    """Return what happened; before it, what a responder asks for or why an acknowledgment no longer counts."""
    what = _what_happened(content)
    if content.is_own:
        return [f"About tocsin itself: {what}"]
    if content.job is Job.PAGE and content.state == "triggered" and content.because.startswith(RAISED):
        again = ": acknowledge again" if is_own(content) else ""
        return [f"Raised to {content.severity}{again}. {what}"]
    if _is_unanswered(content):
        return [sentence(capitalized(content, content.because)), what]
    if content.stranded or not next_steps.help_wanted(content):
        return [what]
    who = plain(person(content, content.acknowledged_by), NAME_LIMIT)
    if next_steps.asks_for_help(content):
        return [f"{who} asks for your help with {what}"]
    first = f"{sentence(capitalized(content, content.because))} " if content.because.startswith(STILL_OPEN) else ""
    return [f"{first}{who} is on it; ask whether help is needed. {what}"]


def _why(content: Content) -> str:
    """Return the reason for the call, without what the opening has said."""
    if _is_unanswered(content):
        return wording.role(content)
    if content.is_own or content.stranded or not next_steps.help_wanted(content):
        reason = wording.reason(content)
        return reason.removesuffix(wording.ACKNOWLEDGE_AGAIN) if content.because.startswith(RAISED) else reason
    is_said = next_steps.asks_for_help(content) or content.because.startswith(STILL_OPEN)
    as_role = _AS_ROLE.search(content.because)
    because = f"You are {as_role[1]}." if as_role else ""
    if not is_said:
        because = sentence(capitalized(content, content.because))
    who, reached = person(content, content.acknowledged_by), reachable(content, content.acknowledged_by)
    since = "" if next_steps.asks_for_help(content) else f"{holder(content)}."
    contact = f"Contact {reached}." if reached != who else ""
    return " ".join(filter(None, [because, wording.role(content), since, contact]))


def _is_unanswered(content: Content) -> bool:
    """Return whether the call is for a person to whom a page has come because no one has acknowledged."""
    is_first = not content.because.startswith(UNANSWERED) or "; " in content.because
    return not (is_first or content.is_own or content.stranded or content.members is not None)


def _what_happened(content: Content) -> str:
    """Return the title, and the service or the place."""
    if content.members is not None:
        return sentence(plain(wording.storm(content), TITLE_LIMIT))
    title = plain(wording.title(content), TITLE_LIMIT)
    is_known = content.is_alarm or content.is_own or content.service in title
    service = "" if is_known else f"{plain(wording.service(content), NAME_LIMIT)}: "
    return sentence(", ".join([f"{service}{title}", *wording.affected(content)]))


def _fitting(sentences: list[str], limit: int, escaped_limit: int) -> str:
    """Return the sentences that fit, as they are spoken; one that does not is left out, unless it is the first."""
    spoken = ""
    for text in filter(None, sentences):
        longer = _NOT_XML.sub("", plain(f"{spoken} {_aloud(text)}".lstrip(), 4 * limit))
        if not spoken:
            spoken = plain(longer, limit)
        elif len(longer) <= limit and len(escape(longer)) <= escaped_limit:
            spoken = longer
    while len(escape(spoken)) > escaped_limit:  # a label of ampersands
        spoken = cut_words(spoken, len(spoken) - 20)
    return spoken


def _aloud(text: str) -> str:
    """Return the text as a voice can read it: durations spelled out, no ``=`` and no ``/`` between words."""
    text = _DURATION.sub(lambda match: f"{match[1]} {_UNITS[match[2]]}{'' if match[1] == '1' else 's'}", text)
    text = _TAKE.sub(r"Or take incident \1 yourself: on a computer, run tocsin incidents ack \1", text)
    text = _COMMAND.sub("", text)  # nothing to read aloud
    text = _STEPS.sub("Go to a computer: another message has the steps.", text)
    text = _PAIR.sub(r"\1 \2", text)
    return _PATH.sub(" slash ", _NUMBERED.sub("number ", text))


def _facts(content: Content, *, has_counts: bool = True) -> list[str]:
    """Return the impact, and the texts of the first alerts, in sentences."""
    groups = grouped(content.alerts)
    shown = f"{content.title} {content.service} {content.summary}"
    # Without a text of the alerts, the headline names what is affected.
    has_text = bool(groups) and not wording.affected(content)
    texts = [counts.first_facts(content, FACTS_LIMIT, shown)] if has_text else []
    count = counts.number_firing(content) if has_counts else ""
    if groups and content.members is not None:
        texts += [f"{group.name}: {', '.join(group.members_in_words(FACTS_LIMIT))}" for group in groups[:2]]
    whole = [sentence(text) for text in (content.summary, count, *texts) if text]
    return [part for text in whole for part in _SENTENCES.split(text)]


def _line(line: str) -> str:
    # `plain` replaces control characters but keeps U+FFFE and U+FFFF, which XML refuses.
    return _NOT_XML.sub("", plain(line, 4 * TITLE_LIMIT))
