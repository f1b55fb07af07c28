"""CSV and JSON: complete, stable, and safe to open."""

import csv
import io
import json

from harness.report.answer import answer
from harness.report.content import Content
from harness.report.files import results_json, table_csv
from harness.report.provenance import provenance
from harness.report.table import build_table
from harness.report.view import load_view


def records(builder) -> dict[str, dict[str, str]]:
    view = load_view(*builder.finish())
    return {line["cell"]: line for line in csv.DictReader(io.StringIO(table_csv(view, build_table(view))))}


def test_the_csv_has_every_number_with_its_interval_and_verdict(sweep) -> None:
    lines = records(sweep)
    line = lines["UniPC-5-g4"]
    assert (line["clip_score"], line["clip_score_low"], line["clip_score_high"]) == ("84.2", "83.7", "84.7")
    assert (line["clip_score_n"], line["clip_score_n_prompts"], line["clip_score_level"]) == ("32", "32", "0.95")
    assert (line["clip_score_verdict"], line["clip_score_margin"], line["clip_score_n_to_settle"]) == (
        "inconclusive", "0.3", "60",
    )  # fmt: skip
    assert (line["scheduler"], line["num_inference_steps"], line["latency"], line["latency_verdict"]) == (
        "UniPC", "5", "0.06", "improved",
    )  # fmt: skip
    assert lines["DDIM-100-g4"]["reference"] == "True"


def test_missing_is_empty_with_a_reason(sweep) -> None:
    sweep.cell("DDIM", 7, 84.0, frechet=None, versus="DDIM-100-g4")
    lines = records(sweep)
    assert (lines["DDIM-7-g4"]["frechet"], lines["DDIM-7-g4"]["frechet_reason"]) == (
        "",
        "8 prompts, at least 64 are needed",
    )
    assert (lines["DDPM-10-g4"]["status"], lines["DDPM-10-g4"]["clip_score"]) == ("failed", "")
    assert lines["DDPM-10-g4"]["problem"].startswith("not-a-number")


def test_text_cannot_become_a_formula(build) -> None:
    builder = build()
    builder.cell("=cmd()", 5, 84.0)
    assert records(builder)["cmd-5-g4"]["scheduler"] == "'=cmd()"


def test_the_json_is_small_complete_and_has_no_not_a_number(sweep) -> None:
    view = load_view(*sweep.finish())
    text = results_json(Content(view, answer(view), build_table(view), provenance(view)))
    value = json.loads(text, parse_constant=lambda name: (_ for _ in ()).throw(AssertionError(name)))
    assert value["answer"]["cells"] == ["UniPC-10-g4"]
    cells = {cell["cell"]: cell for cell in value["cells"]}
    assert cells["UniPC-10-g4"]["numbers"]["clip_score"]["value"] == 84.4
    assert cells["UniPC-10-g4"]["comparisons"][0]["verdict"] == "equivalent"
    assert cells["DDPM-10-g4"]["numbers"] == {}
    assert value["refused"][0]["swept"] == {"scheduler": "EulerDiscrete"}
    assert value["made"]["Run"]["command"] == "harness run which-scheduler.yaml"
    assert len(text) < 60_000
