"""People, and how each is reached."""

import msgspec


class Contact(msgspec.Struct, frozen=True):
    """One way to reach somebody: a configured channel and an address on it.

    ``destination`` is what must be kept in order (a PagerDuty routing key's
    name, a Slack channel); ``recipient`` is who is addressed there (a Slack
    user id), "" where the destination says it all.
    """

    channel: str
    destination: str
    recipient: str = ""


class Person(msgspec.Struct, frozen=True):
    """Somebody who may be paged and who may acknowledge."""

    name: str
    """The key in people.yaml: what targets, tokens and the timeline say."""
    full_name: str = ""
    email: str = ""
    slack_user: str = ""
    pagerduty_user: str = ""
    contact: Contact | None = None


class Notified(msgspec.Struct, frozen=True):
    """One resolved target: whom to notify, and through what."""

    target: str
    contact: Contact
    stranded: bool = False
    """No contact works: it goes to the console, marked."""


class People(msgspec.Struct, frozen=True, kw_only=True):
    """Persons, groups of persons, and targets that are no persons (a Slack channel, a webhook)."""

    persons: dict[str, Person] = {}
    groups: dict[str, tuple[str, ...]] = {}
    places: dict[str, Contact] = {}

    def knows(self, target: str) -> bool:
        """Whether a playbook may name this target."""
        return target in self.persons or target in self.groups or target in self.places

    def resolve(self, targets: tuple[str, ...], channels: frozenset[str], console: Contact) -> tuple[Notified, ...]:
        """Whom these targets stand for, each once, in their order.

        A target that is unknown, or whose contact names a channel that is not
        among ``channels``, goes to ``console``, marked as stranded: a page is
        never dropped for a configuration's sake.
        """
        found: dict[str, Notified] = {}
        for target in targets:
            for name in self.groups.get(target, (target,)):
                if name in found:
                    continue
                contact = self._contact(name)
                usable = contact is not None and contact.channel in channels
                found[name] = Notified(name, contact if usable and contact else console, stranded=not usable)
        return tuple(found.values())

    def _contact(self, name: str) -> Contact | None:
        if name in self.places:
            return self.places[name]
        person = self.persons.get(name)
        return person.contact if person else None

    def by_slack(self, user_id: str) -> Person | None:
        """The person with this Slack user id."""
        return next((p for p in self.persons.values() if user_id and p.slack_user == user_id), None)

    def by_pagerduty(self, user_id: str, email: str) -> Person | None:
        """The person with this PagerDuty user id, or else this e-mail address."""
        persons = self.persons.values()
        by_id = next((p for p in persons if user_id and p.pagerduty_user == user_id), None)
        return by_id or next((p for p in persons if email and p.email.lower() == email.lower()), None)
