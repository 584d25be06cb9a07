"""config/README.md and the shipped files document every key."""

import json
import re
from collections.abc import Iterator

import pytest
import yaml
from pydantic import BaseModel

from conf.workbench import SHIPPED
from tocsin.app.settings_reference import PARTS
from tocsin.channels.registry import KINDS
from tocsin.conf.document import PARTS as OTHER_PARTS
from tocsin.conf.document import documented
from tocsin.conf.environment import variables
from tocsin.conf.people import ContactEntry, PeopleFile, PersonEntry
from tocsin.conf.playbooks import (
    ActionEntry,
    BranchEntry,
    CellEntry,
    ChecklistEntry,
    DutyEntry,
    FollowUpEntry,
    GoalsEntry,
    HoursEntry,
    MeetingEntry,
    PlaybookFile,
    QuestionEntry,
    ReminderEntry,
    RoleEntry,
    SeverityEntry,
    TierEntry,
)
from tocsin.conf.report_settings import ServiceSettings
from tocsin.conf.schema import bare
from tocsin.conf.secrets import WAYS, Secret
from tocsin.conf.settings import PagerDutyInbound, Settings, SharedSecret, TokenSettings
from tocsin.conf.source_settings import SourceSettings
from tocsin.conf.windows import WindowEntry, WindowsFile
from tocsin.trackers.registry import KINDS as TRACKERS

README = (SHIPPED / "README.md").read_text()
SECTIONS = {
    TokenSettings: "`tokens:`",
    SourceSettings: "`sources:`",
    ServiceSettings: "`reports:`",
    PagerDutyInbound: "`inbound.pagerduty:`",
    PersonEntry: "people.yaml",
    TierEntry: "playbooks/",
    SeverityEntry: "playbooks/",
    CellEntry: "playbooks/",
    HoursEntry: "playbooks/",
    RoleEntry: "playbooks/",
    ChecklistEntry: "playbooks/",
    ActionEntry: "playbooks/",
    QuestionEntry: "playbooks/",
    BranchEntry: "playbooks/",
    ReminderEntry: "playbooks/",
    FollowUpEntry: "playbooks/",
    DutyEntry: "playbooks/",
    MeetingEntry: "playbooks/",
    GoalsEntry: "playbooks/",
    PlaybookFile: "playbooks/",
    WindowEntry: "windows.yaml",
}


def section(title: str) -> str:
    """The part of the README below the heading that begins so, up to the next heading of its rank or above."""
    match = re.search(rf"^(#+) {re.escape(title)}.*$", README, re.MULTILINE)
    assert match, f"no heading {title!r}"
    rest = README[match.end() :]
    end = re.search(rf"^#{{1,{len(match[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def rows(text: str) -> dict[str, str]:
    """The rows of its tables, by each key that the first cell names."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("| "):
            for key in re.findall(r"`([^`]+)`", line.split(" | ")[0]):
                found[key] = line
    return found


def keys(model: type[BaseModel]) -> Iterator[str]:
    for name, info in model.model_fields.items():
        if bare(info.annotation) is Secret:
            yield from (f"{name}_{way}" for way in WAYS)
        else:
            yield info.alias or name


SETTINGS = [(".".join(path), path) for _, path, _ in variables()]


@pytest.mark.parametrize(("key", "path"), SETTINGS, ids=[key for key, _ in SETTINGS])
def test_every_setting_is_in_the_readme_with_its_default(key: str, path: tuple[str, ...]) -> None:
    row = rows(section("tocsin.yaml")).get(key)
    assert row, f"`{key}` has no row in config/README.md"
    default = Settings().model_dump(mode="json", by_alias=True)
    for step in path:
        default = default[step]
    told = row.split(" | ")[1]
    if default in ("", [], {}):
        assert told in ("none", "the console")
    else:
        written = json.dumps(default) if isinstance(default, bool) else default
        assert told == f"`{written[0] if isinstance(written, list) else written}`"


def test_the_readme_names_no_setting_that_does_not_exist() -> None:
    text = section("tocsin.yaml").partition("### ")[0]
    assert set(rows(text)) == {key for key, _ in SETTINGS}


@pytest.mark.parametrize("model", SECTIONS, ids=lambda model: model.__name__)
def test_every_key_of_the_other_files_is_in_the_readme(model: type[BaseModel]) -> None:
    assert set(keys(model)) <= set(rows(section(SECTIONS[model])))


def test_the_parts_of_people_yaml_and_the_form_of_a_shared_secret_are_in_the_readme() -> None:
    for key in (*PeopleFile.model_fields, *ContactEntry.model_fields):
        assert f"`{key}`" in section("people.yaml")
    assert f"{next(iter(WindowsFile.model_fields))}:" in section("windows.yaml")
    assert f"{next(iter(SharedSecret.model_fields))}_file:" in section("tocsin.yaml")


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_every_kind_of_channel_is_in_the_readme(kind: str) -> None:
    text = section("`channels:`").partition(f"`kind: {kind}`")[2].partition("`kind: ")[0]
    nested = [bare(info.annotation) for info in KINDS[kind].settings.model_fields.values()]
    inner = [key for form in nested if getattr(form, "__origin__", None) is dict for key in keys(form.__args__[1])]
    assert {*keys(KINDS[kind].settings), *inner} == set(rows(text))
    contact = section("people.yaml").partition("A contact names")[2]
    told = {line.split(" | ")[1].strip("`") for line in contact.splitlines() if line.startswith(f"| {kind} |")}
    assert told - {"|"} == set(keys(KINDS[kind].contacts))  # a kind without keys has an empty cell


@pytest.mark.parametrize("kind", TRACKERS)
def test_every_key_of_every_kind_of_tracker_is_in_the_readme(kind: str) -> None:
    text = section("`trackers:`").partition(f"`kind: {kind}`")[2].partition("`kind: ")[0]
    assert set(keys(TRACKERS[kind].settings)) == set(rows(text))


def test_every_setting_is_in_the_shipped_file_written_or_commented_out() -> None:
    text = (SHIPPED / "tocsin.yaml").read_text()
    uncommented = "\n".join(re.sub(r"^# (?=( *- )?( {2,})?[a-z_]+:)", "", line) for line in text.splitlines())
    written = yaml.safe_load(re.sub(r"^# .*$", "", uncommented, flags=re.MULTILINE))
    for key, path in SETTINGS:
        at = written
        for step in path:
            assert step in at, f"{key} is not in the shipped tocsin.yaml"
            at = at[step]


@pytest.mark.parametrize("part", ["template variables", *sorted(PARTS.keys() - OTHER_PARTS.keys())])
def test_the_generated_parts_are_on_the_page(part: str) -> None:
    assert f"<!-- {part}: written by make docs -->" in README


def test_the_generated_tables_say_what_the_code_says() -> None:
    assert documented(README, PARTS) == README, "run `make docs`"
