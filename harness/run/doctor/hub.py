"""Whether the hub of models answers, asked as a download would ask it, but never for longer than a few seconds."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

from harness.catalog.models import MODELS
from harness.run.doctor.probe import told
from harness.run.doctor.types import Hub

ASK_S = 5.0
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_CERTAIN = (401, 403, 404)  # a hub that answers so is there, whatever it withholds


def hub(limit_s: float = ASK_S) -> Hub:
    """Endpoint, reach, and the cache on this machine; a client that cannot be imported is a reason too."""
    try:
        from huggingface_hub import constants
    except Exception as error:
        return _without_client(told(error))
    offline = " ".join(name for name in _OFFLINE if os.environ.get(name)) if constants.HF_HUB_OFFLINE else None
    reached, reason = (None, f"{offline} is set") if offline else _within(limit_s, _ask)
    return Hub(
        endpoint=without_credentials(constants.ENDPOINT),
        offline_by=offline,
        reached=reached,
        reason=reason,
        token=bool(os.environ.get("HF_TOKEN") or Path(constants.HF_TOKEN_PATH).is_file()),
        home=constants.HF_HOME,
        cache=constants.HF_HUB_CACHE,
        cache_free_bytes=free_bytes(Path(constants.HF_HUB_CACHE)),
    )


def cache_folder() -> Path | None:
    """Where the hub's client keeps its files; ``None`` if it cannot be imported."""
    try:
        from huggingface_hub import constants
    except Exception:
        return None
    return Path(constants.HF_HUB_CACHE)


def _without_client(reason: str) -> Hub:
    home = os.environ.get("HF_HOME") or "~/.cache/huggingface"
    return Hub(endpoint="unknown", offline_by=None, reached=None, reason=f"its client does not import: {reason}",
               token=False, home=home, cache=str(Path(home) / "hub"), cache_free_bytes=None)  # fmt: skip


def _within(limit_s: float, ask: Callable[[float], tuple[bool, str | None]]) -> tuple[bool, str | None]:
    """The answer, or that there was none in time: looking up a name knows no time limit of its own."""
    answers: list[tuple[bool, str | None]] = []
    thread = threading.Thread(target=lambda: answers.append(ask(limit_s)), daemon=True)
    thread.start()
    thread.join(limit_s + 1)
    return answers[0] if answers else (False, f"no answer within {limit_s:g} s")


def _ask(limit_s: float) -> tuple[bool, str | None]:
    """Ask for a repository of the catalog, with whatever proxy, certificates and token a download would use."""
    from huggingface_hub import HfApi

    place = MODELS["kandinsky-2.2"].parts["decoder"]
    try:
        HfApi().model_info(place.where, timeout=limit_s)
    except Exception as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status in _CERTAIN:
            return True, f"it answers {status} for {place.where}"
        return False, f"it answers {status}" if status else told(error)
    return True, None


def without_credentials(address: str) -> str:
    """Scheme, host and path: neither a name and password before the host, nor what follows a question mark."""
    return re.sub(r"//[^/@]*@", "//", address).partition("?")[0]


def free_bytes(path: Path) -> int | None:
    """Free space where ``path`` is or would be; ``None`` if the disk does not say."""
    try:
        folder = path.expanduser().absolute()
        return shutil.disk_usage(next(one for one in (folder, *folder.parents) if one.exists())).free
    except OSError:
        return None
