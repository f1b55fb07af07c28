"""Keys change with everything that determines a result, and with nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.catalog.stacks import touching_prior
from harness.catalog.types import OptimizationChoice
from harness.plan.keys import Identity, features_key, images_key, prior_key, timing_key
from harness.plan.types import InputRow, SchedulerChoice, Settings

SETTINGS = Settings(
    model="mini-2.2",
    task="text-to-image",
    api="two-stage",
    dtype="float32",
    height=64,
    width=64,
    guidance_scale=4.0,
    num_inference_steps=25,
    prior_guidance_scale=4.0,
    prior_num_inference_steps=25,
    scheduler=SchedulerChoice(label="DDIM", class_name="DDIMScheduler"),
    optimizations=(),
    batch_size=16,
)
IDENTITY = Identity(device="a CPU", versions={"torch": "2.14.1"}, flags={"tf32": False}, threads=2, source="aa")
WEIGHTS = {"prior": "11", "decoder": "22"}


def _row(prompt: str = "a star", negative: str | None = None, seed: int = 0, ident: str = "p0") -> InputRow:
    return InputRow(id=f"{ident}-s{seed}", prompt_id=ident, prompt=prompt, negative_prompt=negative, seed=seed)


ROWS = (_row(), _row("a cross", ident="p1"))


def _prior(settings: Settings = SETTINGS, rows: Any = ROWS, weights: Any = WEIGHTS, identity: Any = IDENTITY) -> str:
    return str(prior_key(settings, rows, weights, identity))


def _images(settings: Settings = SETTINGS, rows: Any = ROWS, weights: Any = WEIGHTS, identity: Any = IDENTITY) -> str:
    prior = prior_key(settings, rows, weights, identity)
    return images_key(settings, rows, weights, identity, prior, [None] * len(rows))


def _timing(settings: Settings = SETTINGS, rows: Any = ROWS, weights: Any = WEIGHTS, identity: Any = IDENTITY) -> str:
    return timing_key(settings, rows, weights, str(identity))


Key = Callable[..., str]
DPM = SchedulerChoice(label="DPM", class_name="DPMSolverMultistepScheduler")
KARRAS = DPM.model_copy(update={"config": {"use_karras_sigmas": True}})
FROM = DPM.model_copy(update={"subfolder": "ddpm_scheduler"})

#: a change of settings → what it changes: p(rior), i(mages), t(iming)
SETTINGS_CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"prior_guidance_scale": 1.0}, "pit"),
    ({"prior_num_inference_steps": 5}, "pit"),
    ({"dtype": "float16"}, "pit"),
    ({"optimizations": (OptimizationChoice(name="matmul-precision"),)}, "pit"),
    ({"optimizations": (OptimizationChoice(name="sdpa", options={"parts": "unet+prior"}),)}, "pit"),
    ({"optimizations": (OptimizationChoice(name="channels-last"),)}, "it"),
    ({"guidance_scale": 1.0}, "it"),
    ({"num_inference_steps": 5}, "it"),
    ({"height": 128}, "it"),
    ({"width": 128}, "it"),
    ({"scheduler": DPM}, "it"),
    ({"scheduler": KARRAS}, "it"),
    ({"scheduler": FROM}, "it"),
    ({"scheduler": SETTINGS.scheduler.model_copy(update={"label": "another name"})}, ""),
    ({"model": "./the-same-weights-elsewhere"}, ""),
    ({"batch_size": 4}, ""),  # the rows say what a batch holds
]
ROWS_CHANGES = [
    (_row("a Star"), ROWS[1]),
    (_row(negative="blur"), ROWS[1]),
    (_row(seed=1), ROWS[1]),
    (ROWS[1], ROWS[0]),  # another order
    ROWS[:1],  # another batch
]
IDENTITY_CHANGES = [
    {"device": "another CPU"},
    {"versions": {"torch": "2.14.2"}},
    {"versions": {"torch": "2.14.1", "diffusers": "0.43"}},
    {"flags": {"tf32": True}},
    {"threads": 1},
    {"source": "bb"},
]


@pytest.mark.parametrize(("change", "wanted"), SETTINGS_CHANGES, ids=[str(c)[:50] for c, _ in SETTINGS_CHANGES])
def test_what_a_setting_changes(change: dict[str, Any], wanted: str) -> None:
    other = SETTINGS.model_copy(update=change)
    changed = [letter for letter, key in zip("pit", (_prior, _images, _timing), strict=True) if key(other) != key()]
    assert "".join(changed) == wanted


@pytest.mark.parametrize("key", [_prior, _images, _timing])
@pytest.mark.parametrize("rows", ROWS_CHANGES, ids=["prompt", "negative", "seed", "order", "batch"])
def test_every_key_follows_its_rows(key: Key, rows: tuple[InputRow, ...]) -> None:
    assert key(rows=rows) != key()


@pytest.mark.parametrize("key", [_prior, _images, _timing])
def test_a_rows_name_is_no_part_of_a_key(key: Key) -> None:
    assert key(rows=(_row(ident="mine"), ROWS[1])) == key()


@pytest.mark.parametrize("key", [_prior, _images, _timing])
@pytest.mark.parametrize("change", IDENTITY_CHANGES, ids=str)
def test_every_key_follows_the_environment(key: Key, change: dict[str, Any]) -> None:
    assert key(identity=IDENTITY.model_copy(update=change)) != key()


def test_weights_count_where_they_work() -> None:
    decoder, prior = {**WEIGHTS, "decoder": "33"}, {**WEIGHTS, "prior": "33"}
    assert _prior(weights=decoder) == _prior() and _prior(weights=prior) != _prior()
    assert _images(weights=decoder) != _images() and _images(weights=prior) != _images()
    assert _timing(weights=decoder) != _timing() and _timing(weights=prior) != _timing()


def test_features_follow_pictures_prompts_weights_and_environment() -> None:
    def key(images: Any = ("a", "b"), prompts: Any = ("x", "y"), weights: str = "w", identity: Any = IDENTITY) -> str:
        rows = tuple(_row(prompt) for prompt in prompts)
        return features_key(SETTINGS, rows, images, [None] * len(rows), weights, identity)

    changed = [
        key(images=("b", "a")), key(images=("a",)), key(prompts=("x", "z")), key(weights="v"),
        key(identity=IDENTITY.model_copy(update={"source": "bb"})),
    ]  # fmt: skip
    assert len({key(), *changed}) == len(changed) + 1


def test_stages_never_share_a_key() -> None:
    assert len({_prior(), _images(), _timing(), features_key(SETTINGS, (), (), (), "", IDENTITY)}) == 4


_STACKABLE = [OptimizationChoice(name="channels-last"), OptimizationChoice(name="tf32")]
_SETTINGS = st.builds(
    Settings,
    model=st.sampled_from(["mini-2.2", "./x"]),
    task=st.just("text-to-image"),
    api=st.just("two-stage"),
    dtype=st.sampled_from(["float32", "float16"]),
    height=st.sampled_from([64, 128]),
    width=st.sampled_from([64, 128]),
    guidance_scale=st.floats(0, 100),
    num_inference_steps=st.integers(1, 1000),
    prior_guidance_scale=st.floats(0, 100),
    prior_num_inference_steps=st.integers(1, 1000),
    scheduler=st.builds(
        SchedulerChoice,
        label=st.text(max_size=3),
        class_name=st.sampled_from([None, "DDIMScheduler", "DDPMScheduler"]),
        config=st.dictionaries(st.sampled_from("ab"), st.one_of(st.booleans(), st.integers(0, 2), st.floats(0, 2))),
    ),
    optimizations=st.lists(st.sampled_from(_STACKABLE), max_size=2).map(tuple),
    batch_size=st.integers(1, 4),
)
_ROWS = st.lists(
    st.builds(_row, prompt=st.text(max_size=4), negative=st.none() | st.text(max_size=2), seed=st.integers(0, 3)),
    min_size=1, max_size=3,
).map(tuple)  # fmt: skip
_PRIOR_KNOBS = ("dtype", "prior_guidance_scale", "prior_num_inference_steps")


def _prior_part(settings: Settings, rows: tuple[InputRow, ...]) -> object:
    stack = [one.label for one in touching_prior(settings.optimizations)]
    return (
        stack,
        [getattr(settings, knob) for knob in _PRIOR_KNOBS],
        [(r.prompt, r.negative_prompt, r.seed) for r in rows],
    )


def _images_part(settings: Settings, rows: tuple[InputRow, ...]) -> object:
    scheduler = settings.scheduler
    own = (settings.height, settings.width, settings.guidance_scale, settings.num_inference_steps)
    # JSON tells 1 from 1.0 and from true, as diffusers may; Python does not.
    return (
        _prior_part(settings, rows),
        settings.optimizations_label,
        own,
        scheduler.class_name,
        sorted(map(repr, scheduler.config.items())),
    )


@given(first=_SETTINGS, source=_SETTINGS, taken=st.sets(st.sampled_from(sorted(Settings.model_fields))), rows=_ROWS)
def test_two_keys_are_equal_exactly_if_what_determines_the_result_is(
    first: Settings, source: Settings, taken: set[str], rows: tuple[InputRow, ...]
) -> None:
    second = first.model_copy(update={name: getattr(source, name) for name in taken})
    same_prior = _prior_part(first, rows) == _prior_part(second, rows)
    assert (_prior(first, rows) == _prior(second, rows)) is same_prior
    same_images = _images_part(first, rows) == _images_part(second, rows)
    assert (_images(first, rows) == _images(second, rows)) is same_images


@given(rows=_ROWS, others=_ROWS)
def test_two_batches_have_one_key_exactly_if_the_same_reaches_the_pipeline(
    rows: tuple[InputRow, ...], others: tuple[InputRow, ...]
) -> None:
    same = _prior_part(SETTINGS, rows) == _prior_part(SETTINGS, others)
    assert (_prior(rows=rows) == _prior(rows=others)) is same
    assert (_images(rows=rows) == _images(rows=others)) is same


@given(settings=_SETTINGS, steps=st.integers(1, 1000), guidance=st.floats(0, 100), rows=_ROWS)
def test_cells_that_differ_in_the_decoder_only_share_a_prior(
    settings: Settings, steps: int, guidance: float, rows: tuple[InputRow, ...]
) -> None:
    assume((steps, guidance) != (settings.num_inference_steps, settings.guidance_scale))
    change = {"num_inference_steps": steps, "guidance_scale": guidance, "scheduler": DPM, "height": 192}
    other = settings.model_copy(update=change)
    assert _prior(settings, rows) == _prior(other, rows) and _images(settings, rows) != _images(other, rows)


@given(settings=_SETTINGS, rows=_ROWS)
def test_a_key_survives_a_journey_through_json(settings: Settings, rows: tuple[InputRow, ...]) -> None:
    back = Settings.model_validate_json(settings.model_dump_json())
    assert _images(back, rows) == _images(settings, rows)
