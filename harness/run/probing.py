"""What a worker sees on a device: asked once for an environment and remembered in the store, without torch here."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from harness.base import digest
from harness.errors import MissingError, UsageError
from harness.measure.environment import hardware, software
from harness.plan.types import Plan
from harness.run.devices import kinds, posts_on
from harness.run.executor import local_worker
from harness.run.progress import Reporter
from harness.run.protocol import HelloDone
from harness.run.station import Post, raise_if_disk
from harness.store.store import Store

Environment = dict[str, Any]

NVIDIA = Path("/proc/driver/nvidia")
LASTING = ("hardware", "software", "torch", "device")  # an environment's load and our own commit pass
_UNUSABLE = "unusable"  # the one key of a remembered refusal
#: Environment variables that choose devices or change what torch and the libraries below it do.
_VARIABLES = ("ATEN_", "CUBLAS", "CUDA_", "CUDNN_", "DNNL_", "MKL_", "NVIDIA_", "ONEDNN_", "PYTORCH_", "TORCH_")
_OF_A_DEVICE = ("name", "capability", "memory_bytes")


def look(
    store: Store, plan: Plan, devices: str | None, tell: Reporter, *, fresh: bool = False, remembered: bool = False
) -> tuple[list[Post], Environment]:
    """The posts of a run's workers, and the environment that they share; ``remembered``: without asking a worker.

    Raises:
        MissingError: the device is not there, or torch cannot use it; for ``auto`` the next best is taken instead.
        UsageError: devices that make no sense, or that are unlike each other.
    """
    probes = Probes(store, tell, fresh=fresh, remembered=remembered)
    *better, last = kinds(plan.device)
    kind = next((kind for kind in better if _usable(probes, kind, plan, tell)), last)
    posts = posts_on(kind, plan, devices, store.root)
    seen = [probes.environment(post) for post in posts]
    refuse_unlike(posts, seen)
    return posts, seen[0]


def _usable(probes: Probes, kind: str, plan: Plan, tell: Reporter) -> bool:
    """Whether torch can work on that kind of device; if not, the person is told what was in the way."""
    (first,) = posts_on(kind, plan, None, probes.store.root)
    reason = probes.why_not(first)
    if reason is not None:
        tell.say(f"This machine shows a {kind} device that torch cannot use, so the run goes on without it: {reason}")
    return reason is None


class Probes:
    """Looks at posts by a worker's greeting; ``fresh`` trusts nothing that an earlier command remembered.

    ``remembered``: trust nothing else; a post that no command has looked at is refused.
    """

    def __init__(self, store: Store, tell: Reporter, *, fresh: bool, remembered: bool = False) -> None:
        self.store, self._tell, self._fresh, self._remembered = store, tell, fresh, remembered
        self._seen: dict[str, Environment] = {}

    def environment(self, post: Post) -> Environment:
        """What a worker on that post sees; a remembered refusal is looked at again.

        Raises:
            MissingError: none can work there.
        """
        found = self._known(post)
        if found is None or _UNUSABLE in found:
            found = self._look(post)
        if _UNUSABLE in found:
            raise _no_worker(post, found[_UNUSABLE], "choose another with --device or --devices")
        return found

    def why_not(self, post: Post) -> str | None:
        """Why torch cannot work on that post, or ``None``."""
        found = self._known(post) or self._look(post)
        return found.get(_UNUSABLE)

    def _known(self, post: Post) -> Environment | None:
        key = probe_key(post)
        if key in self._seen or self._fresh:
            return self._seen.get(key)
        remembered = self.store.find("probe", key)
        return None if remembered is None else dict(json.loads(remembered))

    def _look(self, post: Post) -> Environment:
        if self._remembered:
            raise MissingError(f"No run has looked at {post.device} in this environment.")
        self._tell.say(f"looking at {post.device} (once for this environment)")
        key, found = probe_key(post), _ask(post)
        self.store.put("probe", key, json.dumps(found).encode())
        self._seen[key] = found
        return found


def _ask(post: Post) -> Environment:
    """A greeting's answer. Only what torch itself refuses is worth remembering: memory that is short passes."""
    with local_worker(post.log_path, post.hello("scorers")) as (_, reply):
        raise_if_disk(reply)
        if reply.failure is None:
            return HelloDone.model_validate(reply.answer).environment
        if reply.failure.kind == "error":
            return {_UNUSABLE: reply.failure.reason}
        raise _no_worker(post, reply.failure.reason, reply.failure.do)


def _no_worker(post: Post, reason: str, do: str) -> MissingError:
    return MissingError(f"No worker can work on {post.device}: {reason}", do=do)


def probe_key(post: Post, nvidia: Path = NVIDIA) -> str:
    """Of a post's environment: machine, packages, interpreter, variables, driver and GPUs."""
    variables = {name: value for name, value in sorted(os.environ.items()) if name.startswith(_VARIABLES)}
    known = {"hardware": hardware(), "software": software()}
    return digest(["probe", known, post.device, post.threads, sys.executable, variables, nvidia_texts(nvidia)])


def nvidia_texts(root: Path) -> dict[str, str]:
    """What the driver tells of itself and of each GPU, as text; nothing where there is none."""
    paths = [root / "version", *sorted(root.glob("gpus/*/information"))]
    return {path.relative_to(root).as_posix(): path.read_text(errors="replace") for path in paths if path.is_file()}


def refuse_unlike(posts: list[Post], seen: list[Environment]) -> None:
    """Pictures and times of one run come from one kind of device."""
    facts = [{name: found["device"].get(name) for name in _OF_A_DEVICE} for found in seen]
    for post, one in zip(posts, facts, strict=True):
        if one != facts[0]:
            raise UsageError(
                f"The devices are unlike: {posts[0].device} is {_told(facts[0])}, {post.device} is {_told(one)}.",
                expected="devices of one model: pictures and times of two models cannot be compared",
                do="run them apart, each with its own --devices",
            )


def _told(facts: dict[str, Any]) -> str:
    size = facts["memory_bytes"]
    return f"{facts['name']}" + (f" with {size / 2**30:.0f} GiB" if size else "")
