"""How it was made: whose results were reused and from when, what was refused, what was loaded."""

import json

from harness.plan.types import Asset
from harness.report.provenance import provenance
from harness.report.view import load_view


def facts(builder, title: str, **kwargs) -> dict[str, str]:
    return {s.title: dict(s.facts) for s in provenance(load_view(*builder.finish(**kwargs)))}.get(title, {})


def test_reused_pictures_name_their_run_and_day(sweep) -> None:
    assert facts(sweep, "Reused") == {"32 pictures": "made in run 20261101-090000-older-aaaa, 2026-11-23"}


def test_a_resumed_runs_own_pictures_are_not_reused(build) -> None:
    builder = build()
    builder.cell("DDIM", 10, 84.0)
    plain = facts(builder, "Run")
    builder.store.save_run(builder.store.load_run(builder.records[0].run_id).model_copy(update={"resumed": 2}))
    kept = builder.records[0]
    own = [batch.model_copy(update={"reused": True}) for batch in kept.batches]
    builder.records[0] = kept.model_copy(update={"batches": own})
    assert facts(builder, "Reused") == {}
    assert facts(builder, "Run", changes={"resumed": 2, "reused": {"images": 1}}) == plain


def test_what_was_loaded_refused_and_defaulted(sweep) -> None:
    assert facts(sweep, "Refused combinations") == {"scheduler EulerDiscrete": "is silently wrong here"}
    assert facts(sweep, "Weights") == {"decoder": "package:miniature, abcd1234"}
    assert facts(sweep, "Defaults that the spec did not name") == {"dtype": "float32"}
    assert facts(sweep, "Environment") == {"device": "cpu", "versions.torch": "2.14.1"}
    assert facts(sweep, "Scores")["clip_score/mini-scorer-1a2b"] == "weights 1a2b"


def test_notes_are_shown_with_their_cell(build) -> None:
    builder = build()
    builder.cell("DDIM", 10, 84.0, notes=("2 prompts were truncated",))
    assert facts(builder, "Notes") == {"DDIM · 10 steps": "2 prompts were truncated"}


def test_the_mlflow_run_is_named_once_it_was_sent(sweep) -> None:
    store, run_id = sweep.finish()
    assert facts(sweep, "MLflow") == {}
    sent = {
        "tracking_uri": "sqlite:////home/someone/runs/mlflow.db",
        "experiment": "e",
        "parent_run_id": "4f2a",
        "page": None,
    }
    place = store.runs.folder(run_id).path / "tracking.json"
    place.write_text(json.dumps(sent))
    look = 'mlflow ui --backend-store-uri "sqlite:////home/someone/runs/mlflow.db"'
    assert facts(sweep, "MLflow") == {"experiment": "e", "run": "4f2a", "look at it": look}
    public = {section.title: dict(section.facts) for section in provenance(load_view(store, run_id), public=True)}
    assert public["MLflow"] == {"experiment": "e", "run": "4f2a"}
    place.write_text("[1, 2")
    assert facts(sweep, "MLflow") == {"not known": "tracking.json cannot be read"}
    place.write_text(json.dumps({**sent, "page": "https://mlflow.example/#/experiments/1/runs/4f2a"}))
    assert facts(sweep, "MLflow")["page"] == "https://mlflow.example/#/experiments/1/runs/4f2a"


def test_where_a_person_keeps_files_is_not_told(sweep) -> None:
    sweep.plan_changes["spec_path"] = "/home/someone/secret/which-scheduler.yaml"
    assert facts(sweep, "Run")["spec"].startswith("which-scheduler.yaml (digest")


def test_a_public_command_leaves_out_where_the_store_is(sweep) -> None:
    store, run_id = sweep.finish()
    record = store.load_run(run_id)
    for given in ("--store /home/someone/runs", "--store='/home/some one/runs'"):
        store.save_run(record.model_copy(update={"command": f"harness run quickstart {given} --no-track"}))
        found = {s.title: dict(s.facts) for s in provenance(load_view(store, run_id), public=True)}
        assert found["Run"]["command"] == "harness run quickstart --no-track"
    own = {section.title: dict(section.facts) for section in provenance(load_view(store, run_id))}
    assert "--store" in own["Run"]["command"]


def test_what_pictures_start_from_is_listed_with_size_and_digest(build) -> None:
    builder = build()
    builder.cell("DDIM", 10, 84.0)
    file = {"file": "/home/someone/cats/cat.png", "as": "image", "resize": "stretch"}
    box = {"box": [1, 2, 3, 4], "size": [64, 64], "as": "mask"}
    far = {"url": "https://example.org/map.png", "as": "hint"}
    assets = [
        Asset(key="a1" * 32, mode="RGB", width=768, height=512, source=file),
        Asset(key="b2" * 32, mode="L", width=64, height=64, source=box),
        Asset(key="c3" * 32, mode="RGB", width=0, height=0, source=far, pending=True),
    ]
    builder.plan_changes["assets"] = {asset.key: asset for asset in assets}
    section = next(s for s in provenance(load_view(*builder.finish())) if s.title == "Inputs")
    assert section.facts == (
        ("image a1a1a1a1a1a1", "file cat.png, RGB 768×512 px, resize stretch"),
        ("mask b2b2b2b2b2b2", "box [1, 2, 3, 4], L 64×64 px, size [64, 64]"),
        ("hint c3c3c3c3c3c3", "url https://example.org/map.png, not fetched"),
    )
