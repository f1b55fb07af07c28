"""The sentences: one for each cell, one answer for each family; and what a run must have to be audited."""

import pytest
from support.audit_runs import OUT_OF_MEMORY, AuditBuilder, usual

from harness.errors import UsageError
from harness.report.optimizations.audit import read_audit
from harness.report.optimizations.ladder import ladder
from harness.report.optimizations.verdicts import answers, verdict


@pytest.fixture
def audit(tmp_path):
    return AuditBuilder(tmp_path / "runs", prompts=2)


def said(builder, **kwargs):
    return [verdict(one) for one in read_audit(builder.view(**kwargs)).cells]


def test_every_cell_has_its_sentence(audit) -> None:
    assert said(usual(audit)) == [
        "none: the reference, 1.00 s for each image.",
        "again: the same pipeline twice: 1.00× [0.98–1.02], pictures identical: the noise of this measurement.",
        "sdpa: a no-op: the processors were these already (no faster or slower beyond the noise, "
        "1.001× [0.992–1.009], pictures identical).",
        "channels-last: applied, 1.05× faster [1.04–1.07], pays from the first image, pictures equivalent "
        "(differ by at most 1 of 255).",
        "compile: applied, 1.32× faster [1.27–1.37], pays after 209 images [188–238], pictures equivalent "
        "(differ by at most 2 of 255).",
        "channels-last+compile: all applied, 1.42× faster [1.37–1.47], pays after 199 images [184–217], pictures "
        "equivalent (differ by at most 2 of 255).",
        "compile(assign=combined): a no-op: decoder_pipe.unet, which runs, is not compiled (no faster or slower beyond "
        "the noise, 1.000× [0.996–1.003], pictures identical).",
        "attention-slicing: applied, 0.90× as fast [0.89–0.92], 30 % less memory (29.5 MiB), pictures equivalent "
        "(differ by at most 1 of 255).",
        "plain-attention: failed, out of memory: The device ran out of memory (wanted 2.00 GiB beside 14.1 GiB).",
    ]  # fmt: skip


def test_the_answer_names_the_fastest_that_holds_and_what_did_nothing(audit) -> None:
    (answer,) = answers(read_audit(usual(audit).view()))
    assert answer.chosen.name == "channels-last+compile"
    assert answer.headline == (
        "channels-last+compile is fastest: 1.42× faster [1.37–1.47], pictures equivalent, pays after 199 images "
        "[184–217]. attention-slicing takes 30 % less memory (29.5 MiB). No-ops: sdpa and compile(assign=combined). "
        "Failed: plain-attention."
    )


def test_the_answer_says_what_the_speed_costs_in_memory(audit) -> None:
    audit.reference()
    audit.add("compile", ratios=(1.5, 1.51, 1.52), off=1, peaks_mib=(210.0, 211.0, 212.0))
    (answer,) = answers(read_audit(audit.view()))
    assert answer.headline == (
        "compile is fastest: 1.51× faster [1.49–1.54], pictures equivalent, pays from the first image, 2.1× as much "
        "memory (111 MiB more)."
    )


def test_an_a_a_pair_is_the_noise_and_never_the_fastest(audit) -> None:
    audit.reference()
    audit.add("again", ratios=(1.1, 1.101, 1.102), outcome="no-op")
    assert "more than this measurement allows for" in said(audit)[1]
    (answer,) = answers(read_audit(audit.view()))
    assert answer.chosen is None and answer.headline.startswith("Nothing was applied.")


def test_faster_with_other_pictures_is_said_and_not_recommended(audit) -> None:
    audit.reference()
    audit.add("compile", ratios=(1.5, 1.51, 1.52), off=9, verdict="regressed")
    (answer,) = answers(read_audit(audit.view()))
    assert answer.chosen is None
    assert answer.headline == "compile is 1.51× faster [1.49–1.54], but its pictures are different."


def test_what_clips_is_not_recommended_though_its_scores_hold(audit) -> None:
    audit.reference()
    audit.add("channels-last", ratios=(1.5, 1.51, 1.52), off=1, clipped=0.12)
    (answer,) = answers(read_audit(audit.view()))
    assert answer.chosen is None
    assert answer.headline == "channels-last is 1.51× faster [1.49–1.54], but it is flagged. Flagged: channels-last."


def test_a_lost_reference_is_told(audit) -> None:
    audit.reference(failure=OUT_OF_MEMORY)
    audit.add("model-offload")
    lines = said(audit)
    assert "its reference mini-2.2 · text-to-image · float32 · none has no result" in lines[1]
    assert "Nothing could be compared: 1 cell of 2 failed." in answers(read_audit(audit.view()))[0].headline


def test_an_unfinished_run_says_what_is_not_made(audit) -> None:
    audit.reference()
    audit.add("compile", status="pending")
    assert said(audit, status="running")[1] == "compile: not made yet."
    assert "Nothing has been compared" in answers(read_audit(audit.view(status="running")))[0].headline


def test_families_are_models_and_tasks(audit) -> None:
    for task in ("text-to-image", "image-to-image"):
        audit.reference(task=task)
        audit.add("compile", ratios=(1.3, 1.31, 1.32), task=task)
    found = answers(read_audit(audit.view()))
    assert [a.family.title for a in found] == ["mini-2.2 · text-to-image", "mini-2.2 · image-to-image"]
    assert found[1].headline.startswith("mini-2.2 · image-to-image: compile is fastest: 1.31× faster")


def test_a_dtype_is_a_step_of_the_ladder(audit) -> None:
    audit.reference(ratios=(1.0, 1.0, 1.0))
    audit.add(dtype="float16", ratios=(2.0, 2.0, 2.0), off=1)
    audit.add("channels-last", dtype="float16", ratios=(2.2, 2.2, 2.2), off=1, peaks_mib=(50, 50, 50))
    audit.add("channels-last+compile", dtype="float16", ratios=(3.3, 3.3, 3.3), off=1)
    (family,) = read_audit(audit.view()).families
    rungs = ladder(family)
    assert [(rung.added, rung.below.name) for rung in rungs] == [
        ("float16", "float32 · none"), ("channels-last", "float16 · none"), ("compile", "float16 · channels-last"),
    ]  # fmt: skip
    assert [rung.speed.value for rung in rungs] == pytest.approx([2.0, 1.1, 1.5])
    assert [rung.one.speed.value for rung in rungs] == pytest.approx([2.0, 2.2, 3.3])
    assert rungs[1].memory.share.value == pytest.approx(0.5)


def test_steps_that_all_start_at_the_reference_are_no_ladder(audit) -> None:
    audit.reference()
    audit.add("channels-last")
    audit.add("compile")
    assert ladder(read_audit(audit.view()).families[0]) == ()


def test_a_run_without_optimizations_is_refused(audit) -> None:
    audit.reference()
    with pytest.raises(UsageError, match="compares no optimizations") as caught:
        read_audit(audit.view())
    assert "optimizations: [none, channels-last, compile]" in caught.value.expected


def test_a_run_without_a_reference_is_refused(audit) -> None:
    audit.reference()
    audit.add("compile", versus=None)
    with pytest.raises(UsageError, match="has no reference"):
        read_audit(audit.view())
