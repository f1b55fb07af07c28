"""The page: it does not know who is who, asks no network for anything, and works in a real browser."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin
from support.browser import CHROMIUM, browser
from support.compare_runs import keep
from support.pictures import pictures_zip
from support.task_runs import TaskRun

from harness.compare.judge.keyring import find
from harness.compare.judge.pictures import FORMATS, album
from harness.compare.judge.votes import check_pairs, read_ballot
from harness.compare.judge.whole import Asked, Made, make_page
from harness.errors import HarnessError, MissingError, UsageError
from harness.store.store import Store

in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: nobody voted in a browser")
Makes = Callable[..., Made]


@pytest.fixture
def made(store: Store, tmp_path: Path) -> Makes:
    """Makes a page of a run whose cells' labels have a mark of their own."""

    def make(*, asked: dict[str, object] | None = None, **run: object) -> Made:
        keep(store, "main", **{"rows": 8, "text": " <b>&secret", **run})
        return make_page(store, Asked(**{"run": "main", "seed": 3, "out": tmp_path / "page.html", **(asked or {})}))

    return make


def _content(page: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="content">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


def test_nothing_in_the_page_tells_who_is_who(made: Makes, store: Store) -> None:
    done = made()
    page = done.page.read_text()
    cells = store.load_cells(done.told.run_id)
    secrets = [done.told.run_id, "secret", "DDIM", "DDPM", str(done.told.seed) + '"']
    secrets += [text for cell in cells for text in (cell.label, cell.cell_id, cell.settings.scheduler.label)]
    secrets += [
        text for cell in cells for batch in cell.batches for text in (batch.key, *batch.rows, *batch.image_sha256)
    ]
    shown = re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "", page)
    assert [text for text in secrets if text in shown] == []
    assert set(_content(page)["pairs"][0]) == {"id", "left", "right", "prompt", "negative", "starts"}  # type: ignore[index]
    assert find(store, done.told.page) == done.told  # it is in the store


def test_each_pair_shows_what_its_key_says(made: Makes, store: Store) -> None:
    done = made(rows=12, seeds=2)
    content = _content(done.page.read_text())
    pictures, pairs = content["pictures"], content["pairs"]
    cells = {cell.cell_id: cell for cell in store.load_cells(done.told.run_id)}
    shades = [120 + 10 * list(cells).index(who.cell_id) for who in done.told.contestants]
    assert [pair["id"] for pair in pairs] == [pair.id for pair in done.told.pairs]  # type: ignore[attr-defined]
    for shown, told in zip(pairs, done.told.pairs, strict=True):  # type: ignore[call-overload]
        for side, who in (("left", told.left), ("right", told.right)):
            data = base64.b64decode(pictures[shown[side]].partition(",")[2])  # type: ignore[index]
            corner = Image.open(io.BytesIO(data)).getpixel((0, 0))
            assert corner == (shades[who] + told.seed,) * 3
        assert shown["prompt"] == told.prompt


def test_the_same_seed_makes_the_same_page(made: Makes) -> None:
    one, again = made().page.read_bytes(), made().page.read_bytes()
    assert one == again != made(asked={"seed": 4}).page.read_bytes()


def test_two_cells_meet_on_every_row_and_many_within_the_votes(made: Makes) -> None:
    two = made(rows=12, seeds=2).told
    assert len([pair for pair in two.pairs if pair.repeats is None]) == 12
    assert {(pair.prompt_id, pair.seed) for pair in two.pairs} == {
        (f"p{n:03d}", seed) for n in range(6) for seed in (0, 1)
    }
    many = made(rows=16, cells=5, asked={"votes": 60}).told
    first = [pair for pair in many.pairs if pair.repeats is None]
    assert 58 <= len(many.pairs) <= 60
    met = [tuple(sorted((pair.left, pair.right))) for pair in first]
    assert len(set(met)) == 10 and {met.count(bout) for bout in set(met)} <= {5, 6}


def test_against_a_cell_all_others_meet_it(made: Makes) -> None:
    told = made(cells=4, asked={"against": "DDIM-10"}).told
    assert told.contestants[3].label.startswith("DDIM")
    assert {max(pair.left, pair.right) for pair in told.pairs} == {3}


def test_against_a_run_each_cell_meets_itself_and_identical_pictures_are_not_shown(made: Makes, store: Store) -> None:
    keep(store, "old", rows=8, text=" old")
    told = made(anew=True, unlike=3, asked={"against": "old"}).told
    assert [who.run_id.split("-")[2] for who in told.contestants] == ["main", "old"] * 2
    assert len(told.pairs) == 6 and {pair.left // 2 == pair.right // 2 for pair in told.pairs} == {True}
    assert len(told.identical) == 10
    assert "10 pairs with identical pictures: not shown, and in no rate" in told.notes


@pytest.mark.parametrize(
    ("run", "asked", "kind", "told"),
    [
        ({}, {"run": "none"}, MissingError, "There is no run 'none'"),
        ({}, {"against": "nothing"}, MissingError, "No cell matches 'nothing'"),
        ({}, {"against": "main"}, UsageError, "is the run itself"),
        ({}, {"cells": ("DDIM",)}, UsageError, "1 cell .* can be judged: a pair needs two"),
        ({"pending": [1]}, {}, UsageError, "a pair needs two"),
        ({"cells": 6}, {"votes": 4}, UsageError, "cannot connect 6 cells"),
    ],
)
def test_what_cannot_be_judged_is_said(
    made: Makes, run: dict, asked: dict, kind: type[HarnessError], told: str
) -> None:
    with pytest.raises(kind, match=told):
        made(asked=asked, **run)


def test_identical_runs_have_nothing_to_judge(made: Makes, store: Store) -> None:
    keep(store, "old", rows=8)
    with pytest.raises(UsageError, match="All pictures of these cells are identical"):
        made(asked={"against": "old"})


def test_a_pictures_file_is_not_passed_on() -> None:
    notes, out = PngImagePlugin.PngInfo(), io.BytesIO()
    notes.add_text("parameters", "DDIM, 50 steps")
    Image.new("RGB", (2000, 1000), (10, 20, 30)).save(out, "PNG", pnginfo=notes, dpi=(71, 71))
    for form in FORMATS:
        data = base64.b64decode(form.uri(out.getvalue()).partition(",")[2])
        image = Image.open(io.BytesIO(data))
        assert image.size == (form.side, form.side // 2) and b"DDIM" not in data
        assert not {"parameters", "dpi", "exif"} & set(image.info)


def test_a_page_has_a_bound(tmp_path: Path) -> None:
    noise = Image.effect_noise((256, 256), 80).convert("RGB")
    out = io.BytesIO()
    noise.save(out, "PNG")
    assert album([out.getvalue()]).kept_as == "PNG without loss"
    tight = album([out.getvalue()] * 4, most=500_000)
    assert tight.kept_as.startswith("WebP of quality 92") and sum(map(len, tight.uris)) <= 500_000
    with pytest.raises(UsageError, match="do not fit into one page"):
        album([out.getvalue()] * 4, most=50_000)


@in_a_browser
def test_a_person_votes_in_a_browser(made: Makes, tmp_path: Path) -> None:
    """Keys and buttons, undo, a reload in the middle, a name, the saved file, and what comes of it."""
    done = made(rows=8)
    with browser(tmp_path) as tab:
        tab.open(done.page)
        assert tab.text("#progress") == "Pair 1 of 10" and tab.text("#prompt") == done.told.pairs[0].prompt
        for key in "12t0":
            tab.key(key)
        tab.key("Backspace")
        tab.key("u")
        assert tab.text("#progress") == "Pair 3 of 10"
        tab.key("z")
        assert tab.value("document.getElementById('frame-left').dataset.zoom") == "2"
        tab.value("document.getElementById('frame-left').scrollTop = 7")
        tab.until(lambda: tab.value("document.getElementById('frame-right').scrollTop") == 7)  # they move together
        tab.reload()
        assert tab.text("#progress") == "Pair 3 of 10"  # the votes are kept
        tab.value("document.getElementById('voter').focus()")
        for letter in "Ann 1":
            tab.send("Input.insertText", text=letter)
        tab.key("1")  # typed into the name, no vote
        assert tab.text("#progress") == "Pair 3 of 10"
        tab.value("document.activeElement.blur()")
        for answer in ("left", "right", "tie") * 3:
            tab.value(f"document.getElementById('vote-{answer}').click()")
        assert tab.text("#progress") == "10 of 10 judged" and tab.value("document.getElementById('pair').hidden")
        tab.value("document.getElementById('save').click()")
        tab.until(lambda: list(tmp_path.glob("votes-*.json")))
        assert (tab.console, tab.asked) == ([], [])
    ballot = read_ballot(next(tmp_path.glob("votes-*.json")))
    check_pairs(ballot, done.told)
    assert ballot.voter.name.startswith("Ann 1")
    expected = ["left", "right", *["left", "right", "tie"] * 3][:10]
    assert [vote.choice for vote in ballot.votes] == expected
    assert [vote.pair for vote in ballot.votes] == [pair.id for pair in done.told.pairs]


@in_a_browser
def test_a_hostile_question_runs_nothing_and_the_checks_above_can_fail(made: Makes, tmp_path: Path) -> None:
    bad = "</script><img src=x onerror=document.title='taken'><script>document.title='taken'</script>"
    done = made(asked={"question": bad})
    (tmp_path / "bad.html").write_text(
        "<script>fetch('http://127.0.0.1:9/x').catch(() => 0); throw Error('planted')</script>"
    )
    with browser(tmp_path) as tab:
        tab.open(done.page)
        assert tab.text("#question") == bad and tab.value("document.title").startswith("Which is better?")
        assert (tab.console, tab.asked) == ([], [])
        tab.open(tmp_path / "bad.html")
        assert any("planted" in line for line in tab.console) and tab.asked == ["http://127.0.0.1:9/x"]


def test_what_both_pictures_start_from_is_shown(store: Store, tmp_path: Path) -> None:
    run = TaskRun(store, rows=3)
    for strength in (0.3, 0.6):
        run.cell("image-to-image", strength=strength)
    run.cell("text-to-image")
    run.finish()
    asked = Asked("tasks", cells=("· 0.3", "· 0.6"), out=tmp_path / "page.html")
    content = _content(make_page(store, asked).page.read_text())
    starts = [pair["starts"] for pair in content["pairs"]]  # type: ignore[attr-defined]
    assert [[start["label"] for start in one] for one in starts] == [["image"]] * 3
    shown = {content["pictures"][one[0]["picture"]] for one in starts}  # type: ignore[index]
    assert len(shown) == 3 and all(uri.startswith("data:image/png") for uri in shown)
    with pytest.raises(UsageError, match="choose those of one task with --cell"):
        make_page(store, Asked("tasks"))
    for row in run.rows:
        assert row.image is not None
        store.path("inputs", row.image).unlink()
        store.put("inputs", row.image, b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (60_000).to_bytes(4, "big") * 2)
    again = _content(make_page(store, asked).page.read_text())
    told = [start["text"] for pair in again["pairs"] for start in pair["starts"]]  # type: ignore[attr-defined]
    assert told == ["cannot be shown: it is damaged, too large, or no longer stored"] * 3


def test_a_picture_that_is_gone_or_damaged_is_left_out_and_told(made: Makes, store: Store) -> None:
    told = made(rows=12).told
    batch = store.load_cells(told.run_id)[1].batches[0]
    path = store.path("images", batch.key)
    path.write_bytes(path.read_bytes()[:-9] + b"scratched")
    with pytest.raises(MissingError, match="Not one pair of pictures can be read"):
        make_page(store, Asked("main"))
    with pytest.raises(MissingError, match="Not one pair of pictures is in the store"):
        make_page(store, Asked("main"))  # it was put aside


def test_a_picture_that_is_larger_than_its_cell_makes_them_is_not_opened(made: Makes, store: Store) -> None:
    told = made(rows=8).told
    cell = store.load_cells(told.run_id)[1]
    batch = cell.batches[0]
    small, large = (Image.new("RGB", (side, side)) for side in (64, 256))
    drawn = {}
    for place, row in enumerate(batch.rows):
        with io.BytesIO() as out:
            (large if place < 3 else small).save(out, "PNG")
            drawn[row] = out.getvalue()
    store.path("images", batch.key).unlink()
    store.put("images", batch.key, pictures_zip(drawn, {}))
    sums = [hashlib.sha256(png).hexdigest() for png in drawn.values()]  # a forger's record names them
    store.save_cell(cell.model_copy(update={"batches": [batch.model_copy(update={"image_sha256": sums})]}))
    again = make_page(store, Asked("main", seed=3)).told
    assert "3 pairs left out: a picture is damaged, or larger than its cell makes them" in again.notes
    assert len([pair for pair in again.pairs if pair.repeats is None]) == 5


def test_the_page_opens_nothing_that_states_too_many_pixels() -> None:
    data = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (60_000).to_bytes(4, "big") * 2
    with pytest.raises(UsageError, match="too large to be opened"):
        album([data])
