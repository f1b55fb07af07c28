"""The one picture: what stands in it, what is left out and said, and that it holds together for odd sweeps."""

import pytest
from support.sweeps import of_two_tasks, usual

from harness.report.schedulers.advice import advise
from harness.report.schedulers.beside import names_over, pictures_beside, words_beside
from harness.report.schedulers.facts import footer
from harness.report.schedulers.strips import strips
from harness.report.schedulers.summary import draw_summary, panel_caption, panel_of, symbols, why_empty
from harness.report.schedulers.sweep import read_sweep

ENVIRONMENT = {
    "software": {"packages": {"torch": "2.14.1", "diffusers": "0.42.1", "kandinsky-harness": "0.1.0"}},
    "source": {"revision": "ecd949dbfaaa781b", "dirty": False},
    "torch": {"device": "cuda:0"},
    "device": {"name": "NVIDIA H100"},
}


def read(builder, **kwargs):
    sweep = read_sweep(builder.view(**kwargs))
    return sweep, advise(sweep)[0]


def test_the_footer_has_what_is_needed_to_repeat_it(grid) -> None:
    builder = usual(grid())
    weights = {"decoder": {"place": "hub", "revision": "0123456789abcdef", "digest": "abcd"}}
    builder.records = [record.model_copy(update={"weights": weights}) for record in builder.records]
    sweep, _ = read(
        builder, changes={"command": "harness run s.yaml --store /home/someone/runs"}, environment=ENVIRONMENT
    )
    assert footer(sweep, "mini-2.2", []) == [
        "mini-2.2 at revision 0123456789 · cuda:0: NVIDIA H100 · float32",
        "torch 2.14.1, diffusers 0.42.1, harness 0.1.0 (ecd949dbfa) · n = 32 prompts, 32 pictures a cell · "
        "20261124-101500-which-scheduler-3fa9",
        "harness run s.yaml",
    ]


def test_what_is_not_known_is_said(grid) -> None:
    builder = usual(grid())
    builder.records = [record.model_copy(update={"weights": {}}) for record in builder.records]
    sweep, _ = read(builder, environment={})
    assert footer(sweep, "mini-2.2", [])[0] == "mini-2.2, revision not recorded · device not recorded · float32"


def test_guidances_and_models_without_room_are_named(grid) -> None:
    builder = grid()
    for model in ("mini-2.2", "mini-3"):
        for guidance in (1, 2, 3, 4, 5):
            builder.point("DDPM", 8, -0.1, guidance=guidance, model=model)
            builder.reference(guidance=guidance, model=model)
    sweep, of = read(builder)
    last = footer(sweep, "mini-2.2", [advice.ground.title for advice in of.grounds[4:]])[-1]
    assert last.endswith(" · no panel for guidance 5 · mini-3: a picture of its own")
    assert draw_summary(sweep, of, strips(sweep)).size == (1600, 900)


def test_the_pictures_are_of_the_recommended_steps_beside_the_reference(grid) -> None:
    sweep, of = read(usual(grid()))
    beside = pictures_beside(sweep, of, strips(sweep))
    assert [(p.cell.settings.scheduler.label, p.steps) for p in beside.points] == [
        ("DDIM", 50), ("DDIM", 8), ("DPMSolverMultistep", 8), ("DDPM", 8),
    ]  # fmt: skip
    assert beside.left_out == ()


def test_schedulers_without_room_are_counted(grid) -> None:
    builder = grid()
    for number in range(12):
        builder.point(f"Solver{number}", 8, -0.1, latency=0.1)
    builder.reference(latency=1.0)
    sweep, of = read(builder)
    beside = pictures_beside(sweep, of, strips(sweep))
    assert (len(beside.points), len(beside.left_out)) == (9, 4)
    assert draw_summary(sweep, of, strips(sweep)).size == (1600, 900)


def test_without_a_recommendation_the_middle_count_is_shown(grid) -> None:
    builder = grid()
    for steps in (4, 8, 16):
        builder.point("DDPM", steps, -9.0, "regressed")
    builder.reference()
    sweep, of = read(builder)
    assert [p.steps for p in pictures_beside(sweep, of, strips(sweep)).points] == [50, 8]


@pytest.mark.parametrize(("timed", "said"), [(True, "measured seconds"), (False, "(nothing was timed)")])
def test_the_caption_tells_the_axis_the_interval_and_the_scale(grid, timed, said) -> None:
    sweep, of = read(usual(grid(), timed=timed))
    caption = panel_caption(sweep, of.grounds)
    assert said in caption and "95 % intervals" in caption and "logarithmic beyond" in caption


@pytest.mark.parametrize(
    ("task", "part"), [("inpainting", "inpaint"), ("controlnet-depth-text-to-image", "controlnet")]
)
def test_the_footer_has_the_weights_of_the_tasks_own_part(grid, task, part) -> None:
    builder = usual(grid())
    weights = {"prior": {"digest": "aaaa", "revision": None}, part: {"digest": "bbbb", "revision": None}}
    settings = builder.records[0].settings.model_copy(update={"task": task})
    builder.records = [r.model_copy(update={"weights": weights, "settings": settings}) for r in builder.records]
    sweep, _ = read(builder)
    assert footer(sweep, "mini-2.2", [])[0].startswith(f"mini-2.2, {part} weights bbbb · ")


def test_the_footer_names_each_part_where_tasks_differ(grid) -> None:
    sweep, _ = read(of_two_tasks(grid()))
    line = footer(sweep, "mini-2.2", [])[0]
    assert line.startswith("mini-2.2, decoder weights abcd1234, inpaint at revision 0123456789 · ")


def test_each_panel_has_its_grounds_own_metric(grid) -> None:
    sweep, of = read(of_two_tasks(grid()))
    assert [sweep.main_metric(advice.ground) for advice in of.grounds] == ["image_similarity", "clip_inside"]
    assert all(panel_of(sweep, advice, (300, 200)) is not None for advice in of.grounds)
    caption = panel_caption(sweep, of.grounds)
    assert "Up: image similarity (image-to-image) or CLIP score around the mask (inpainting) minus" in caption


@pytest.mark.parametrize(
    ("status", "said"), [("pending", "nothing to compare yet"), ("failed", "nothing could be compared")]
)
def test_an_empty_panel_says_why(grid, status, said) -> None:
    builder = grid()
    builder.point("DDIM", 8, -0.1, status=status)
    builder.reference()
    sweep, of = read(builder, status="interrupted")
    assert panel_of(sweep, of.grounds[0], (300, 200)) is None
    assert why_empty(sweep, of.grounds[0].ground) == said


def test_a_panel_of_a_task_without_the_metric_says_so(grid) -> None:
    builder = of_two_tasks(grid())
    builder.plan_changes["metrics"] = ("image_similarity",)
    sweep, of = read(builder)
    assert panel_of(sweep, of.grounds[1], (300, 200)) is None
    assert why_empty(sweep, of.grounds[1].ground) == "image similarity is not measured for this task"
    assert draw_summary(sweep, of, strips(sweep)).size == (1600, 900)


def test_the_recommended_have_a_picture_before_others(grid) -> None:
    builder = grid()
    for number in range(11):
        builder.point(f"Solver{number}", 8, -9.0, "regressed")
    builder.point("Last", 8, -0.1)
    builder.reference()
    sweep, of = read(builder)
    beside = pictures_beside(sweep, of, strips(sweep))
    assert [p.cell.settings.scheduler.label for p in beside.points] == [
        "DDIM", *(f"Solver{n}" for n in range(7)), "Last",
    ]  # fmt: skip
    assert [p.cell.settings.scheduler.label for p in beside.left_out] == [f"Solver{n}" for n in range(7, 11)]
    assert "Left out: Solver7, Solver8, Solver9 and Solver10." in " ".join(words_beside(beside, "clip_score"))


def test_names_over_pictures_are_broken_and_cut_but_never_small() -> None:
    broken = names_over("DPMSolverMultistep(use_karras_sigmas=true)", "10 ≈", 140)
    assert len(broken) == 2 and broken[0] == "DPMSolverMultistep"
    assert broken[1].startswith("(use_karras") and broken[1].endswith("… 10 ≈")
    assert names_over("EulerAncestralDiscrete", "16 ?", 140) == ["EulerAncestralDiscrete", "16 ?"]
    assert names_over("DDIM", "100 (reference)", 140) == ["DDIM", "100 (reference)"]
    assert names_over("A" * 60, "16 ?", 140)[0].endswith("…")


def test_a_mark_for_what_is_not_judged_is_in_the_legend_where_it_is_drawn(grid) -> None:
    builder = usual(grid())
    assert "not judged" not in [words for *_, words in symbols(read(builder)[0])]
    builder.unjudged()
    assert "not judged" in [words for *_, words in symbols(read(builder)[0])]
