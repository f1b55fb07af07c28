"""What the evidence adds up to, over the parts of a pipeline and over both passes."""

import pytest
from support.audit_runs import AuditBuilder

from harness.report.optimizations.proof import by_part, overall, proofs
from harness.store.records import Evidence


def evidence(part: str, outcome: str, requested: str = "compile") -> Evidence:
    return Evidence(requested=requested, part=part, observed=f"seen on {part}", proof="a look", outcome=outcome)


def record(tmp_path, stack: str, made, timed=()):
    builder = AuditBuilder(tmp_path / "runs", prompts=1)
    builder.add(stack)
    cell = builder.records[0]
    timing = cell.timing.model_copy(update={"evidence": list(timed)})
    return cell.model_copy(update={"evidence": list(made), "timing": timing})


@pytest.mark.parametrize(
    ("made", "timed", "outcome"),
    [
        ([("unet", "applied")], [], "applied"),
        ([("unet", "applied"), ("movq", "applied")], [], "applied"),
        ([("unet", "no-op"), ("movq", "no-op")], [], "no-op"),
        ([("unet", "applied"), ("movq", "no-op")], [], "partly"),
        ([("unet", "applied"), ("movq", "failed")], [], "failed"),
        ([("unet", "applied")], [("unet", "failed")], "failed"),
        ([("unet", "applied")], [("unet", "no-op")], "no-op"),
        ([("unet", "partly")], [("unet", "applied")], "partly"),
        ([], [], "none recorded"),
    ],
)
def test_the_worst_of_a_part_and_what_the_parts_agree_on(tmp_path, made, timed, outcome) -> None:
    cell = record(tmp_path, "compile", [evidence(*one) for one in made], [evidence(*one) for one in timed])
    (proof,) = proofs(cell)
    assert proof.outcome == outcome


def test_what_was_seen_is_that_of_the_fault(tmp_path) -> None:
    cell = record(tmp_path, "compile", [evidence("unet", "applied"), evidence("movq", "failed")])
    assert proofs(cell)[0].observed == "seen on movq"


def test_a_look_that_another_repeats_and_adds_to_is_not_told_twice(tmp_path) -> None:
    made = evidence("unet", "no-op").model_copy(update={"observed": "7 × Processor"})
    timed = made.model_copy(update={"observed": "7 × Processor; in one call: 7 × kernel"})
    other = made.model_copy(update={"observed": "7 × Processor2"})
    assert proofs(record(tmp_path, "compile", [made], [timed]))[0].observed == timed.observed
    assert proofs(record(tmp_path, "compile", [made], [other]))[0].observed == "7 × Processor; 7 × Processor2"
    prior = made.model_copy(update={"part": "prior"})
    proof = proofs(record(tmp_path, "compile", [timed, prior]))[0]
    assert by_part(proof.evidence) == {"unet": [timed.observed], "prior": [prior.observed]}
    assert proof.observed == f"{timed.observed}; {prior.observed}"


def test_the_same_evidence_of_both_passes_stands_once(tmp_path) -> None:
    cell = record(tmp_path, "compile", [evidence("unet", "applied")], [evidence("unet", "applied")])
    assert len(proofs(cell)[0].evidence) == 1


@pytest.mark.parametrize(
    ("outcomes", "word"),
    [
        (("applied", "applied"), "applied"), (("applied", "no-op"), "partly"), (("no-op", "no-op"), "no-op"),
        (("applied", "failed"), "failed"), (("applied",), "none recorded"),
    ],
)  # fmt: skip
def test_a_stack_in_a_word(tmp_path, outcomes, word) -> None:
    names = ("channels-last", "compile")
    found = [evidence("unet", outcome, name) for name, outcome in zip(names, outcomes, strict=False)]
    assert overall(proofs(record(tmp_path, "channels-last+compile", found))) == word


def test_again_asks_for_nothing(tmp_path) -> None:
    assert overall(proofs(record(tmp_path, "again", [evidence("process", "no-op", "again")]))) is None
