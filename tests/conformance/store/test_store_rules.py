"""The rules that evaluated an alert are stored for as long as an alert refers to them."""

from conformance.store.samples import START, HandClock, episode, rules
from tocsin.core.duration import DAY, SECOND
from tocsin.core.matching.matcher import parse_matchers
from tocsin.core.rules.rules import RuleSet
from tocsin.ports.store import Store

SURROGATE = "half a pair: \ud800"


async def kept(store: Store, *wanted: RuleSet) -> list[bool]:
    return await store.read(lambda tx: [tx.rules(each.sha) is not None for each in wanted])


async def test_rules_come_back_as_they_were_saved(store: Store) -> None:
    saved = rules(matchers=parse_matchers('team="größe",x!~"a|b\\n"'), path="rules/00-base.yaml", line=3)
    await store.write(lambda tx: (tx.save_rules(saved), tx.save_rules(saved)))
    await store.write(lambda tx: tx.save_rules(saved))

    found = await store.read(lambda tx: tx.rules(saved.sha))

    assert found is not None
    assert (found.rules, found.sha) == (saved.rules, saved.sha)
    assert await store.read(lambda tx: tx.rules("unknown")) is None


async def test_no_text_in_rules_makes_a_store_refuse_them(store: Store) -> None:
    strange = rules(SURROGATE)
    await store.write(lambda tx: tx.save_rules(strange))
    found = await store.read(lambda tx: tx.rules(strange.sha))
    assert found is not None
    assert found.rules[0].name == SURROGATE


async def test_rules_to_which_nothing_refers_are_forgotten_by_the_time_of_their_last_use(
    store: Store, clock: HandClock
) -> None:
    old, needed, young = rules("old"), rules("needed"), rules("young")
    await store.write(lambda tx: (tx.save_rules(old), tx.save_rules(needed)))
    await store.write(lambda tx: tx.put_episodes([episode("a", rules_sha=needed.sha)]))
    later = clock.forward(SECOND)
    await store.write(lambda tx: tx.save_rules(young))

    assert await store.write(lambda tx: tx.forget_rules_before(START)) == 0
    assert await store.write(lambda tx: tx.forget_rules_before(later)) == 1
    assert await kept(store, old, needed, young) == [False, True, True]


async def test_rules_in_use_stay_in_use(store: Store, clock: HandClock) -> None:
    lasting = rules()
    await store.write(lambda tx: tx.save_rules(lasting))
    clock.forward(DAY)
    await store.write(lambda tx: tx.save_rules(lasting))
    assert await store.write(lambda tx: tx.forget_rules_before(START + DAY)) == 0
    assert await store.write(lambda tx: tx.forget_rules_before(START + DAY + 1)) == 1


async def test_rules_that_were_forgotten_can_be_saved_again(store: Store) -> None:
    back = rules()
    await store.write(lambda tx: tx.save_rules(back))
    await store.write(lambda tx: tx.forget_rules_before(START + 1))
    await store.write(lambda tx: tx.save_rules(back))
    assert await kept(store, back) == [True]
