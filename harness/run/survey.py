"""Where a run will happen and whose weights it will use: found out once, remembered in the store, without torch."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import harness
from harness.base import digest
from harness.catalog.metrics import METRICS
from harness.catalog.types import ModelRow, WeightsRow
from harness.catalog.weights import WEIGHTS
from harness.errors import MissingError, UsageError
from harness.measure.environment import machine
from harness.pipelines.places import check_model
from harness.plan.keys import Identity
from harness.plan.types import Plan
from harness.run.executor import local_worker
from harness.run.keybook import KeyBook
from harness.run.progress import Reporter
from harness.run.protocol import HelloDone
from harness.run.station import Post
from harness.run.weights import Weights, model_weights, scorer_weights
from harness.store.digests import digest_source, package_identity
from harness.store.store import Store

_MAKERS = ("torch", "diffusers", "transformers", "accelerate", "safetensors", "tokenizers", "numpy", "pillow")
_SCORERS = ("torch", "torchvision", "open-clip-torch", "transformers", "tokenizers", "safetensors", "numpy", "pillow")
_LASTING = ("hardware", "software", "torch", "device")  # an environment's load and our own commit pass


@dataclass(frozen=True)
class Survey:
    """The environment, its identity, the posts of the workers, and the weights."""

    environment: dict[str, Any]
    identity: Identity
    score_identity: Identity
    fingerprint: str
    posts: list[Post]
    models: dict[str, ModelRow]
    scorers: dict[str, WeightsRow]
    model_weights: dict[str, Weights]
    scorer_weights: dict[str, Weights]


def survey(store: Store, plan: Plan, devices: str | None, tell: Reporter) -> Survey:
    """Look at the machine and at the weights.

    Raises:
        MissingError: weights that are not here, not whole, pickled only, or cannot be had; a device that is not there.
        UsageError: devices that make no sense, or a model that wants foreign code.
    """
    for row in plan.models.values():
        check_model(row)
    models = {name: model_weights(store, row) for name, row in plan.models.items()}
    scorers = {name: scorer_weights(store, WEIGHTS[name]) for name in sorted(scorers_of(plan))}
    posts = _posts(store, plan, devices)
    environment = _environment(store, posts[0], tell)
    lasting = {key: environment[key] for key in _LASTING}
    package = Path(harness.__file__).parent
    making = digest_source([package / "pipelines"])
    measuring = digest_source([package / "pipelines", package / "measure"])
    return Survey(
        environment={**environment, **machine()},
        identity=_identity(environment, _MAKERS, making),
        score_identity=_identity(environment, _SCORERS, digest_source([package / "score"])),
        fingerprint=digest([lasting, measuring]),
        posts=posts,
        models={name: row for name, (row, _) in models.items()},
        scorers={name: row for name, (row, _) in scorers.items()},
        model_weights={name: found for name, (_, found) in models.items()},
        scorer_weights={name: found for name, (_, found) in scorers.items()},
    )


def keybook(plan: Plan, found: Survey) -> KeyBook:
    """The keys that follow from a survey."""
    return KeyBook(
        plan=plan,
        identity=found.identity,
        score_identity=found.score_identity,
        fingerprint=found.fingerprint,
        models=found.model_weights,
        scorers=found.scorer_weights,
    )


def scorers_of(plan: Plan) -> set[str]:
    """The weights that the plan's metrics need, over all its models."""
    return {name for row in plan.models.values() for name in weights_for(plan, row).values()}


def weights_for(plan: Plan, model: ModelRow) -> dict[str, str]:
    """Metric → name of the weights that make it, for a model."""
    names = {"open_clip": model.scorer, "extractor": model.extractor, "judge": model.judge}
    found = {metric: names[METRICS[metric].uses] for metric in plan.metrics}
    return {metric: name for metric, name in found.items() if name is not None}


def _identity(environment: dict[str, Any], packages: tuple[str, ...], source: str) -> Identity:
    flags = {k: v for k, v in environment["torch"].items() if k not in ("device", "threads")}
    return Identity(
        device=str(environment["device"]["name"]),
        versions={name: package_identity(name) for name in packages},
        flags=flags,
        threads=environment["torch"]["threads"],
        source=source,
    )


def _posts(store: Store, plan: Plan, devices: str | None) -> list[Post]:
    """One post for each device asked for; without ``--devices``, one."""
    kind = resolve_device(plan.device)
    numbers = _numbers(devices)
    log = store.root / "logs" / f"worker-{os.getpid()}.log"
    if kind == "cpu":
        threads = plan.threads or _cores()
        share = max(threads // len(numbers), 1)
        return [Post("cpu", share, store.root, log.with_suffix(f".{n}.log")) for n in numbers]
    names = [f"cuda:{n}" for n in numbers] if kind == "cuda" else [kind]
    return [
        Post(name, plan.threads or _cores(), store.root, log.with_suffix(f".{i}.log")) for i, name in enumerate(names)
    ]


def _numbers(devices: str | None) -> list[int]:
    texts = [text.strip() for text in (devices or "0").split(",")]
    if not all(text.isdecimal() for text in texts) or len(set(map(int, texts))) < len(texts):
        raise UsageError(f"--devices {devices}: no list of devices.", expected="numbers such as 0 or 0,1, each once")
    return [int(text) for text in texts]


def resolve_device(asked: str) -> str:
    """``auto`` as the best device that this machine shows: an NVIDIA one, Apple's, or the processor."""
    has_cuda = any(Path(path).exists() for path in ("/dev/nvidia0", "/dev/nvidiactl", "/dev/dxg"))
    has_mps = platform.system() == "Darwin" and platform.machine() == "arm64"
    if asked == "auto":
        return "cuda" if has_cuda else "mps" if has_mps else "cpu"
    if (asked == "cuda" and not has_cuda) or (asked == "mps" and not has_mps):
        raise MissingError(
            f"This machine shows no {asked} device.", do="use --device auto or cpu, or run on a machine that has one"
        )
    return asked


def _cores() -> int:
    """Physical cores that this process may use."""
    import psutil

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else psutil.cpu_count()
    return max(min(psutil.cpu_count(logical=False) or 1, usable or 1), 1)


def _environment(store: Store, post: Post, tell: Reporter) -> dict[str, Any]:
    """What a worker on that post sees, remembered as long as machine, packages and interpreter stay the same."""
    known = {key: value for key, value in machine().items() if key in _LASTING}
    visible = [os.environ.get(name) for name in ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES")]
    key = digest(["probe", known, post.device, post.threads, sys.executable, visible])
    if not store.has("probe", key):
        tell.say(f"looking at {post.device} (once for this environment)")
        store.put("probe", key, json.dumps(_probe(post).environment).encode())
    environment: dict[str, Any] = json.loads(store.get("probe", key))
    return environment


def _probe(post: Post) -> HelloDone:
    with local_worker(post.log_path, post.hello("scorers")) as (_, reply):
        if reply.failure is not None:
            raise MissingError(f"No worker can work on {post.device}: {reply.failure.reason}", do=reply.failure.do)
        return HelloDone.model_validate(reply.answer)
