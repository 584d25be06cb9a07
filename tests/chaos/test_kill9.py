"""kill -9 at any moment: nothing that was promised is lost, and nothing is done twice.

``TOCSIN_KILLS`` says how often (50), ``TOCSIN_CHAOS_SEED`` chooses the moments.
"""

import os
from pathlib import Path

from chaos.arena import survive
from chaos.judge import judge
from chaos.stream import Story

KILLS = int(os.environ.get("TOCSIN_KILLS", "50"))
SEED = int(os.environ.get("TOCSIN_CHAOS_SEED", "20261120"))
KILLS_OF_A_MUTANT = 6
LIVES_OF_A_MUTANT = 3

HERE = Path(__file__).parent


async def test_every_promise_survives_kill_9(tmp_path: Path) -> None:
    evidence, sender = await survive(tmp_path, KILLS, SEED)
    assert judge(evidence) == {}, f"seed {SEED}"
    # The judge had something to judge.
    assert sender.answered > 5 * KILLS
    assert sender.repeated > KILLS
    assert {service.story for service in sender.services} == set(Story)
    assert any(service.acknowledged for service in sender.services)
    assert len(evidence.arrived) > 3 * KILLS


async def test_a_daemon_that_answers_before_the_commit_is_caught(tmp_path: Path) -> None:
    missing = await caught(tmp_path, "answers_early.py", "an alert that was answered with 200 is in no incident")
    assert missing == set()


async def test_a_daemon_that_marks_a_page_before_it_sends_it_is_caught(tmp_path: Path) -> None:
    missing = await caught(
        tmp_path,
        "marks_early.py",
        "a page is marked as sent and never arrived",
        "a page that was due never arrived",
    )
    assert missing == set()


async def caught(tmp_path: Path, mutant: str, *wrongs: str) -> set[str]:
    """The mutants that were not caught: a busy machine may kill one at harmless moments only, so it has three lives."""
    missing = set(wrongs)
    for life in range(LIVES_OF_A_MUTANT):
        folder = tmp_path / str(life)
        folder.mkdir()
        evidence, _ = await survive(folder, KILLS_OF_A_MUTANT, SEED + life, entry=[str(HERE / mutant)])
        missing -= set(judge(evidence))
        if not missing:
            break
    return missing
