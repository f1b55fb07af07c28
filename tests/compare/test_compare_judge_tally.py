"""Votes whose outcome is known: who is preferred, how sure that is, and what is said of the voters."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from support.compare_runs import keep
from support.votes import prefers, save_votes

from harness.compare.judge.rendering import render, render_markdown
from harness.compare.judge.types import Choice, Judgement, Key, Pair
from harness.compare.judge.whole import Asked, count_votes, make_page
from harness.store.store import Store

Answer = Callable[[Pair], Choice | None]


class Room:
    """A page and people who vote on it."""

    def __init__(self, store: Store, tmp_path: Path, asked: dict[str, object], run: dict[str, object]) -> None:
        keep(store, "main", **run)
        self.key: Key = make_page(store, Asked(**{"run": "main", "seed": 2, **asked})).told
        self._store, self._folder = store, tmp_path

    def count(self, *answers: Answer, **how: object) -> Judgement:
        """Each answer is a voter's."""
        files = [
            save_votes(self._folder / f"{place}.json", self.key, answer, voter=place, **how)
            for place, answer in enumerate(answers)
        ]
        return count_votes(self._store, "main", files)


@pytest.fixture
def room(store: Store, tmp_path: Path) -> Callable[..., Room]:
    """Makes a page of a run and lets people vote."""
    return lambda asked=None, **run: Room(store, tmp_path, asked or {}, {"rows": 16, **run})


def test_a_clear_preference_is_called_and_told(room: Callable[..., Room]) -> None:
    page = room()
    found = page.count(prefers(1))
    (rate,) = found.rates
    assert (rate.value, rate.wins, rate.losses, rate.pairs, rate.prompts) == (0, 0, 16, 16, 16)
    assert rate.low == 0 and rate.high == pytest.approx(0.194, abs=1e-3)  # Wilson of 0 of 16
    assert rate.p == pytest.approx(2 / 2**16) and rate.preferred == found.contestants[1].label
    (person,) = found.people
    assert (person.repeated, person.same, person.opposite) == (2, 2, 0)
    assert f"{rate.preferred} is preferred to {rate.cell}: 100.0 % (80.6 % to 100.0 %) over 16 prompts" in render(found)


def test_who_always_says_left_decides_nothing_and_is_seen(room: Callable[..., Room]) -> None:
    found = room().count(lambda _: "left")
    (rate,) = found.rates
    assert rate.value == 0.5 and rate.preferred is None and rate.p == 1
    assert found.side.value == 1 and found.side.low is not None and found.side.low > 0.7
    assert (found.people[0].same, found.people[0].opposite) == (0, 2)
    first = render_markdown(found).splitlines()[0]
    assert first.endswith("Asked again with swapped sides, 0 of 2 pairs got the same answer.")
    assert "a habit" in render(found) and "2 the opposite one" in render(found)


def test_ties_are_half_and_no_side(room: Callable[..., Room]) -> None:
    found = room().count(lambda _: "tie")
    (rate,) = found.rates
    assert (rate.value, rate.ties, rate.p) == (0.5, 16, 1) and rate.low is not None and rate.low > 0.4
    assert found.side.value is None and "no vote was decided" in render(found)
    assert found.people[0].same == 2


def test_seeds_of_a_prompt_count_once(room: Callable[..., Room]) -> None:
    found = room(rows=16, seeds=2).count(prefers(0))
    assert (found.rates[0].pairs, found.rates[0].prompts) == (16, 8)
    assert found.rates[0].p == pytest.approx(2 / 2**8)


def test_many_who_lean_and_few_who_are_sure_decide_nothing(room: Callable[..., Room]) -> None:
    """15 prompts of one win and three ties are 62.5 %, four are lost wholly: 19 signs say this, the mean says that."""
    page = room(rows=76, seeds=4)
    prompts = list(dict.fromkeys(pair.prompt_id for pair in page.key.pairs))
    firsts = {next(p.id for p in page.key.pairs if p.prompt_id == one and not p.repeats) for one in prompts[:15]}
    lost = set(prompts[15:])

    def answer(pair: Pair) -> Choice:
        return prefers(1)(pair) if pair.prompt_id in lost else prefers(0)(pair) if pair.id in firsts else "tie"

    (rate,) = page.count(answer).rates
    assert rate.value == pytest.approx(15 * 0.625 / 19) and (rate.prompts_won, rate.prompts_lost) == (15, 4)
    assert rate.p is not None and rate.p < 0.05 and rate.preferred is None


def test_below_six_prompts_there_is_no_interval(room: Callable[..., Room]) -> None:
    found = room(rows=5).count(prefers(0))
    (rate,) = found.rates
    assert rate.value == 1 and (rate.low, rate.p, rate.preferred) == (None, None, None)
    assert "5 prompts: no interval is given below 6" in render(found)


def test_repeats_count_for_nobody(room: Callable[..., Room]) -> None:
    page = room()
    straight = prefers(0)
    turned = page.count(lambda pair: prefers(1)(pair) if pair.repeats else straight(pair))
    assert turned.rates[0].value == 1 and turned.people[0].opposite == 2


def test_voters_are_averaged_and_their_agreement_is_told(room: Callable[..., Room]) -> None:
    found = room().count(prefers(0), prefers(1), prefers(0))
    (rate,) = found.rates
    assert rate.value == pytest.approx(2 / 3) and (rate.pairs, rate.prompts) == (16, 16)
    assert found.accord is not None and (found.accord.comparisons, found.accord.same) == (54, 18)
    assert found.accord.alpha is not None and found.accord.alpha < 0
    alike = room().count(prefers(0), prefers(0))
    assert alike.accord is not None and alike.accord.alpha == 1


def test_the_vote_saved_last_counts_and_duplicates_are_told(
    room: Callable[..., Room], store: Store, tmp_path: Path
) -> None:
    page = room()
    late = save_votes(tmp_path / "late.json", page.key, prefers(0), saved_ms=9, name="Ann")
    early = save_votes(tmp_path / "early.json", page.key, prefers(1), saved_ms=5)
    found = count_votes(store, "main", [late, early])
    assert found.rates[0].value == 1 and len(found.people) == 1
    assert found.notes[-1] == "Ann voted twice on 18 pairs, 18 of them otherwise: the vote saved last counts"
    twice = count_votes(store, "main", [late, late])
    assert twice.notes[-1] == "Ann voted twice on 18 pairs, all alike: the vote saved last counts"


def test_half_a_page_counts_for_what_it_is(room: Callable[..., Room]) -> None:
    page = room()
    half = {pair.id for pair in page.key.pairs[:9]}
    found = page.count(lambda pair: prefers(0)(pair) if pair.id in half else None)
    assert found.rates[0].pairs == 9 and found.notes == ("voter 0000 judged 9 of 18 pairs",)
    none = page.count(lambda _: None)
    assert none.rates == () and "No pair was judged" in render(none)


def test_many_cells_are_ranked(room: Callable[..., Room]) -> None:
    page = room({"votes": 160}, cells=4, rows=32)
    rng = random.Random(3)

    def answer(pair: Pair) -> Choice:
        """The smaller number wins four times in five."""
        better = min(pair.left, pair.right) if rng.random() < 0.8 else max(pair.left, pair.right)
        return "left" if pair.left == better else "right"

    found = page.count(answer)
    assert found.standings is not None and found.standings.standings is not None
    order = [
        found.contestants.index(next(c for c in found.contestants if c.label == s.cell))
        for s in found.standings.standings
    ]
    assert order == [0, 1, 2, 3]
    best = found.standings.standings[0]
    assert best.low is not None and 0 < best.low < best.strength and best.chance > 0.5
    assert len(found.rates) == 6 and len(found.overall) == 4
    adjusted = [(rate.p, rate.p_adjusted) for rate in found.rates]
    assert all(p is not None and a is not None and a >= p for p, a in adjusted)
    assert "Strengths (Bradley–Terry" in render(found)


def test_what_never_loses_has_no_strength_and_that_is_told(room: Callable[..., Room]) -> None:
    found = room({"votes": 60}, cells=3).count(prefers(0))
    assert found.standings is not None and found.standings.standings is None
    assert found.standings.reason is not None and "never once preferred" in found.standings.reason
    assert "No strengths: some were never once preferred" in render(found)


def test_two_runs_have_one_rate_over_all_cells(room: Callable[..., Room], store: Store) -> None:
    keep(store, "old", rows=16)
    found = room({"against": "old"}, anew=True, unlike=12).count(lambda pair: prefers(pair.left // 2 * 2)(pair))
    (whole,) = found.overall
    assert whole.cell.endswith("main-0d6e") or "main" in whole.cell
    assert (whole.value, whole.pairs, whole.prompts) == (1, 24, 12) and whole.preferred == whole.cell
    assert found.standings is not None and "do not connect" in (found.standings.reason or "")


def test_markdown_escapes_what_people_wrote(room: Callable[..., Room]) -> None:
    found = room(text=" <b>|").count(prefers(0), name="<i>*Ann*")
    text = render_markdown(found)
    assert "\\<b\\>\\|" in text and "\\<i\\>\\*Ann\\*" in text and "<b>" not in text
    assert text.startswith("### DDIM")


def test_the_headline_says_how_steady_the_answers_are(room: Callable[..., Room]) -> None:
    page = room()
    assert "0 of 2 pairs" not in render(page.count(prefers(1)))
    assert "Asked again with swapped sides, 4 of 4 pairs got the same answer." in render(
        page.count(prefers(1), prefers(0))
    )
    again = {pair.id for pair in page.key.pairs if pair.repeats is not None}
    found = page.count(lambda pair: None if pair.id in again else "left")
    assert "How steady the answers are is not known: no pair was judged twice." in render(found).splitlines()[1]
