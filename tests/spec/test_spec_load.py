"""Every kind of fault: its line, the key's path, what was expected, the nearest name; and what a good spec becomes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import ExitCode, MissingError, Problem, SpecError
from harness.spec.load import find, leaves_knobs_alone, load_spec
from harness.spec.types import ConvergedPlan, SchedulerChoice, Spec

Faults = Callable[[str], list[Problem]]

_HELD = "metrics: converged_distance\n"
# Each text follows the line `prompts: a star`, so that its own lines count from 2:
# (text, line, path, a part of what happened or was expected, nearest)
ONE_FAULT = [
    ("modle: mini-2.2", 2, "modle", "unknown key", "model"),
    ("xyzzy: 1", 2, "xyzzy", "unknown key", None),
    ("model: mni-2.2", 2, "model", "'mni-2.2' is no model", "mini-2.2"),
    ("model: 3", 2, "model", "3 is no model", None),
    ("model: [mini-2.2,\n        kandinsky-22]", 3, "model[1]", "is no model", "kandinsky-2.2"),
    ("model: {prior: mini-2.2}", 2, "model", "{decoder: …, prior: …}", None),
    ("task: text-to-imgae", 2, "task", "text-to-image", "text-to-image"),
    ("dtype: float23", 2, "dtype", "one of float32, float16, bfloat16", "float32"),
    ("size: big", 2, "size", "WIDTHxHEIGHT", None),
    ("size: 64x", 2, "size", "WIDTHxHEIGHT", None),
    ("size: true", 2, "size", "is no size", None),
    ("size: 9000", 2, "size", "from 8 to 8192", None),
    ("guidance_scale: -1", 2, "guidance_scale", "from 0 to 100", None),
    ("guidance_scale: .nan", 2, "guidance_scale", "from 0 to 100", None),
    ("guidance_scale: .inf", 2, "guidance_scale", "from 0 to 100", None),
    ("name: off", 2, "name", 'in quotes, such as "off"', None),
    ("question: 2026", 2, "question", "in quotes", None),
    ("guidance_scale: yes", 2, "guidance_scale", "True will not do", None),
    ("guidance_scale: [1,\n  2,\n  four]", 4, "guidance_scale[2]", "'four' will not do", None),
    ("num_inference_steps: 0", 2, "num_inference_steps", "a whole number from 1 to 1000", None),
    ("prior_num_inference_steps: 1", 2, "prior_num_inference_steps", "a whole number from 2 to 1000", None),
    ("num_inference_steps: 1001", 2, "num_inference_steps", "a whole number from 1 to 1000", None),
    ("num_inference_steps: 2.5", 2, "num_inference_steps", "a whole number", None),
    ("num_inference_steps:", 2, "num_inference_steps", "nothing will not do", None),
    ("num_inference_steps: []", 2, "num_inference_steps", "the sweep is empty", None),
    ("num_inference_steps: [5, 10, 5]", 2, "num_inference_steps[2]", "stands in the sweep twice", None),
    ("guidance_scale: [4, 4.0]", 2, "guidance_scale[1]", "stands in the sweep twice", None),
    ("scheduler: [DDIM, DDIMScheduler]", 2, "scheduler[1]", "stands in the sweep twice", None),
    ("size: [64, 64x64]", 2, "size[1]", "stands in the sweep twice", None),
    ("optimizations: chanels-last", 2, "optimizations", "is no optimization", "channels-last"),
    ("optimizations: 3", 2, "optimizations", "is no stack", None),
    (f"guidance_scale: {[i / 100 for i in range(1001)]}", 2, "guidance_scale", "more than 1,000 values", None),
    ("compare_to: DDIM", 2, "compare_to", "is no reference", None),
    ("compare_to: {}", 2, "compare_to", "is no reference", None),
    ("compare_to: {schedular: DDIM}", 2, "compare_to.schedular", "this is no knob", "scheduler"),
    ("compare_to: {scheduler: DDIMM}", 2, "compare_to.scheduler", "is no scheduler", "DDIM"),
    ("compare_to: {num_inference_steps: [5, 10]}", 2, "compare_to.num_inference_steps", "one value", None),
    ("cases: {scheduler: DDIM}", 2, "cases", "is no list", None),
    ("cases: [DDIM]", 2, "cases[0]", "is no partial spec", None),
    ("cases:\n  - {steps: 4}", 3, "cases[0].steps", "this is no knob", None),
    ("exclude:\n  - scheduler: DDIM\n    guidance_scale: x", 4, "exclude[0].guidance_scale", "will not do", None),
    ("metrics: clip_scores", 2, "metrics", "is no metric", "clip_score"),
    ("metrics: []", 2, "metrics", "the list is empty", None),
    ("metrics: [clip_score, clip_score]", 2, "metrics[1]", "stands in the list twice", None),
    ("timing: maybe", 2, "timing", "is no timing", None),
    ("timing: {repeat: 3}", 2, "timing.repeat", "unknown key", "repeats"),
    ("timing: {rounds: 1}", 2, "timing.rounds", "from 2 to 1000", None),
    ("timing: {repeats: many}", 2, "timing.repeats", "from 1 to 1000", None),
    ("converged: {first: 8}", 2, "converged", "converged_distance in `metrics`", None),
    ("metrics: clip_score\nconverged: {first: 8}", 3, "converged", "no metric that looks at them", None),
    (f"{_HELD}converged: 250", 3, "converged", "such as {num_inference_steps: 250", None),
    (f"{_HELD}converged: {{steps: 9}}", 3, "converged.steps", "one of num_inference_steps, first", None),
    (f"{_HELD}converged: {{frist: 9}}", 3, "converged.frist", "unknown key", "first"),
    (f"{_HELD}converged:\n  num_inference_steps: 1", 4, "converged.num_inference_steps", "from 2 to 1000", None),
    (f"{_HELD}converged: {{num_inference_steps: 1001}}", 3, "converged.num_inference_steps", "from 2 to 1000", None),
    (f"{_HELD}converged: {{num_inference_steps: all}}", 3, "converged.num_inference_steps", "from 2 to 1000", None),
    (f"{_HELD}converged: {{first: 0}}", 3, "converged.first", "at least 1, or all", None),
    (f"{_HELD}converged: {{first: true}}", 3, "converged.first", "at least 1, or all", None),
    ("batch_size: 0", 2, "batch_size", "from 1 to 4096", None),
    ("batch_size:", 2, "batch_size", "nothing will not do", None),
    ("threads: 2.0", 2, "threads", "a whole number", None),
    ("device: gpu", 2, "device", "one of auto, cuda, cpu, mps", None),
    ("cell_timeout: -3", 2, "cell_timeout", "more than 0", None),
    ("cell_timeout: .inf", 2, "cell_timeout", "more than 0", None),
    ("strict: 1", 2, "strict", "true or false", None),
    ("name: [a]", 2, "name", "a short text", None),
    ("name: ''", 2, "name", "a short text", None),
    ("margins: {clip_score: off}", 2, "margins", "a margin, or none", None),
]


@pytest.mark.parametrize(("text", "line", "path", "part", "nearest"), ONE_FAULT, ids=[row[0][:40] for row in ONE_FAULT])
def test_a_fault_says_where_what_and_the_nearest_name(
    faults_of: Faults, text: str, line: int, path: str, part: str, nearest: str | None
) -> None:
    (fault,) = faults_of(f"prompts: a star\n{text}\n")
    assert (fault.line, fault.path, fault.nearest) == (line, path, nearest)
    assert part in f"{fault.happened} {fault.expected}"
    assert str(fault).startswith(f"{fault.file}:{line}: {path}: ")


# (margins, path, part, nearest), beside a reference
MARGINS = [
    ("{clip_scor: 1}", "margins.clip_scor", "no metric or measure", "clip_score"),
    ("{clip_score: -1}", "margins.clip_score", "is no margin", None),
    ("{clip_score: 3 points}", "margins.clip_score", "is no margin", None),
    ("{latency: 3}", "margins.latency", 'a share such as "3%"', None),
    ("{world_truth: 1%}", "margins.world_truth", "does not compute", None),
    ("{frechet: 3}", "margins.frechet", "no verdict rests on", None),
    ("{converged_distance: 3}", "margins.converged_distance", "no verdict rests on", None),
    ("0.3", "margins", "no set of margins", None),
]


@pytest.mark.parametrize(("text", "path", "part", "nearest"), MARGINS, ids=[row[0] for row in MARGINS])
def test_a_margin_that_would_say_nothing_is_refused(
    faults_of: Faults, text: str, path: str, part: str, nearest: str | None
) -> None:
    beside = "prompts: a star\ncompare_to: {scheduler: DDIM}\nmetrics: clip_score\n"
    (fault,) = faults_of(f"{beside}margins: {text}")
    assert (fault.line, fault.path, fault.nearest) == (4, path, nearest)
    assert part in f"{fault.happened} {fault.expected}"


@pytest.mark.parametrize("margin", ["5", "1", "1.0"])
def test_a_margin_of_points_for_a_share_is_refused(faults_of: Faults, margin: str) -> None:
    beside = "prompts: a star\ncompare_to: {scheduler: DDIM}\nmetrics: [clip_score, world_truth]\n"
    assert faults_of(f"{beside}margins: {{clip_score: {margin}, world_truth: 0.99}}") == []
    (fault,) = faults_of(f"{beside}margins: {{world_truth: {margin}}}")
    assert (fault.line, fault.path) == (4, "margins.world_truth") and "0.05 is 5 %-points" in fault.expected
    assert f"{100 * float(margin):g} %-points" in fault.happened


def test_a_margin_of_what_is_not_timed_is_refused(faults_of: Faults) -> None:
    text = "prompts: a star\ntiming: off\ncompare_to: {scheduler: DDIM}\nmargins: {latency: 3%}\n"
    assert [(f.path, f.line) for f in faults_of(text)] == [("margins.latency", 4)]
    assert faults_of(text.replace("3%", "off")) == []


def test_every_fault_is_reported_at_once_in_the_order_of_the_file(faults_of: Faults) -> None:
    text = """
nmae: many
model: mini-2
scheduler:
  - DDIM
  - DPMSolverMultistep: {use_karras_sigma: true}
num_inference_steps: []
prompts: {file: nowhere.txt}
exclude: [{dtyp: float16}]
"""
    found = [(fault.line, fault.path) for fault in faults_of(text)]
    assert found == [
        (2, "nmae"),
        (3, "model"),
        (6, "scheduler[1].DPMSolverMultistep.use_karras_sigma"),
        (7, "num_inference_steps"),
        (8, "prompts.file"),
        (9, "exclude[0].dtyp"),
    ]


def test_the_text_of_many_faults_counts_them_and_suggests(faults_of: Faults, tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text("prompts: x\nsize: big\nseed: 1\n")
    with pytest.raises(SpecError, match=r"(?s)2 faults in the spec:.*two.yaml:2: size.*did you mean 'seeds'\?") as info:
        load_spec(str(tmp_path / "two.yaml"))
    assert info.value.exit_code is ExitCode.USAGE


def test_missing_files_alone_leave_with_missing(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("model: ./nothing-here\nprompts: {file: nowhere.txt}\n")
    with pytest.raises(SpecError) as info:
        load_spec(str(path))
    assert info.value.exit_code is ExitCode.MISSING
    assert [(p.line, p.path) for p in info.value.problems] == [(1, "model"), (2, "prompts.file")]
    path.write_text("model: ./nothing-here\nprompts: {file: nowhere.txt}\nsize: x\n")
    with pytest.raises(SpecError) as info:
        load_spec(str(path))
    assert info.value.exit_code is ExitCode.USAGE


def test_a_folder_of_another_model_says_what_it_holds(faults_of: Faults, tmp_path: Path) -> None:
    for part in ("prior", "decoder"):
        (tmp_path / "other" / part).mkdir(parents=True)
        (tmp_path / "other" / part / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    (fault,) = faults_of("prompts: x\nmodel: [mini-2.2, ./other]\n")
    assert (fault.line, fault.path, fault.missing) == (2, "model[1]", False)
    assert "holds StableDiffusionPipeline, which is no" in fault.happened


def test_a_good_spec_is_canonical(spec_of: Callable[[str], Spec]) -> None:
    spec = spec_of(
        """
name: all
question: What?
model: mini-2.2
task: text-to-image
prompts: [a star, a cross]
negative_prompt: blur
seeds: [3, 1]
dtype: [float32, bfloat16]
size: [64, 128x64]
guidance_scale: [1, 4.5]
num_inference_steps: 10
prior_guidance_scale: 2
prior_num_inference_steps: [5]
scheduler: [DDIMScheduler, model-default, {DDPM: {subfolder: ddpm_scheduler, clip_sample: false}}, {DDPM: }]
optimizations: none
compare_to: {scheduler: DDIM}
margins: {clip_score: 0.3, latency: 3%, peak_memory: off}
metrics: [clip_score]
timing: {repeats: 7}
batch_size: 3
device: cpu
threads: 2
cell_timeout: 60
strict: true
cases: [{guidance_scale: 1}, {size: [64]}]
exclude: [{size: 128x64, guidance_scale: 1}]
"""
    )
    assert spec.sweeps["size"] == ((64, 64), (64, 128))  # (height, width), from WIDTHxHEIGHT
    assert spec.sweeps["guidance_scale"] == (1.0, 4.5)
    assert spec.sweeps["prior_num_inference_steps"] == (5,)
    assert spec.sweeps["optimizations"] == ((),)
    assert spec.sweeps["scheduler"] == (
        SchedulerChoice(label="DDIM", class_name="DDIMScheduler"),
        SchedulerChoice(label="model default", class_name=None),
        SchedulerChoice(
            label="DDPM(clip_sample=false, from ddpm_scheduler)", class_name="DDPMScheduler",
            config={"clip_sample": False}, subfolder="ddpm_scheduler",
        ),
        SchedulerChoice(label="DDPM", class_name="DDPMScheduler"),
    )  # fmt: skip
    assert [(row.prompt, row.negative_prompt, row.seed) for row in spec.rows] == [
        ("a star", "blur", 3), ("a star", "blur", 1), ("a cross", "blur", 3), ("a cross", "blur", 1),
    ]  # fmt: skip
    assert spec.compare_to == {"scheduler": SchedulerChoice(label="DDIM", class_name="DDIMScheduler")}
    assert spec.margins == {"clip_score": 0.3, "latency": "3%", "peak_memory": "off"}
    assert spec.cases == ({"guidance_scale": (1.0,)}, {"size": ((64, 64),)})
    assert spec.exclude == ({"size": ((64, 128),), "guidance_scale": (1.0,)},)
    assert (spec.timing.enabled, spec.timing.repeats, spec.timing.rounds) == (True, 7, 3)
    assert (spec.batch_size, spec.device, spec.threads, spec.cell_timeout_s, spec.strict) == (3, "cpu", 2, 60.0, True)


@pytest.mark.parametrize(
    ("text", "steps", "first"),
    [
        ("", 250, 16),
        ("converged: {}", 250, 16),
        ("converged: {first: 3}", 250, 3),
        ("converged: {num_inference_steps: 90, first: all}", 90, None),
    ],
)
def test_converged_solutions_have_defaults(
    spec_of: Callable[[str], Spec], text: str, steps: int, first: int | None
) -> None:
    found = spec_of(f"prompts: x\n{_HELD}{text}\n").converged
    assert found == ConvergedPlan(num_inference_steps=steps, first=first)


def test_without_the_metric_there_are_no_converged_solutions(spec_of: Callable[[str], Spec]) -> None:
    assert spec_of("prompts: x\n").converged is None and spec_of("prompts: x\nmetrics: frechet\n").converged is None


@pytest.mark.parametrize("off", ["off", "'off'", "false"])
def test_timing_can_be_off(spec_of: Callable[[str], Spec], off: str) -> None:
    assert not spec_of(f"prompts: x\ntiming: {off}\n").timing.enabled


def test_a_spec_of_one_line_takes_its_name_from_its_file_and_the_miniature(spec_of: Callable[[str], Spec]) -> None:
    spec = spec_of("prompts: a star\n")
    assert (spec.name, spec.sweeps, spec.timing.enabled, spec.metrics) == ("spec", {"model": ("mini-2.2",)}, True, None)


def test_shipped_specs_go_by_name_and_the_nearest_one_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find("quickstart").name == "quickstart.yaml"
    with pytest.raises(MissingError, match=r"did you mean quickstart\?"):
        find("quickstat")
    monkeypatch.chdir(tmp_path)
    assert find("quickstart").is_file()
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "quickstart.yaml").write_text("prompts: mine\n")
    assert load_spec("quickstart").rows[0].prompt == "mine"


def test_a_missing_spec_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="cannot be read: No such file"):
        load_spec(str(tmp_path / "no.yaml"))
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(MissingError, match="cannot be read: Is a directory"):
        load_spec(str(tmp_path / "folder.yaml"))


def test_which_faults_leave_the_combinations_as_they_are() -> None:
    beside = ["", "prompts.file", "timing.repeat", "seeds[1]", "margins.latency", "converged.first"]
    touching = [
        "model",
        "scheduler[1]",
        "cases[0].steps",
        "exclude",
        "compare_to.x",
        "schedulr",
        "prompt",
        "metrics[0]",
    ]
    assert all(leaves_knobs_alone(Problem("f", 1, path, "")) for path in beside)
    assert not any(leaves_knobs_alone(Problem("f", 1, path, "")) for path in touching)
