"""What ImageReward's configuration may say: the sizes that its conversion writes, and nothing else. No torch.

It is handed to a library that takes many more keys: with some of them it would fetch code, or never end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: The longest prompt in tokens: the authors'
LENGTH = 35

_Bounds = tuple[int, int]
_SIZES: dict[str, _Bounds] = {
    "hidden_size": (1, 8192), "intermediate_size": (1, 65_536), "num_hidden_layers": (1, 64),
    "num_attention_heads": (1, 128),
}  # fmt: skip
_WHOLE: dict[str, dict[str, _Bounds]] = {
    "vision": {**_SIZES, "patch_size": (1, 64), "image_size": (1, 1024)},
    "text": {
        **_SIZES, "encoder_hidden_size": (1, 8192), "vocab_size": (1, 1_000_000),
        "max_position_embeddings": (LENGTH, 4096),
    },
}  # fmt: skip
_FIXED: dict[str, dict[str, Any]] = {
    "vision": {},
    "text": {"is_decoder": True, "bos_token_id": None, "eos_token_id": None, "sep_token_id": None},
}
_TOLD = {True: "true", None: "null"}
_SMALL: dict[str, tuple[str, ...]] = {"vision": ("layer_norm_eps",), "text": ()}
_MOST_SMALL = 0.01


def parts_of(config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two encoders' sizes, ``vision`` and ``text``: every key known, every value within its bounds.

    Raises:
        ValueError: a key is odd, is lacking, or has another value; it names the key.
    """
    vision, text = (_part(config, name) for name in ("vision", "text"))
    _divides("vision", vision, "hidden_size", "num_attention_heads")
    _divides("vision", vision, "image_size", "patch_size")
    _divides("text", text, "hidden_size", "num_attention_heads")
    if text["encoder_hidden_size"] != vision["hidden_size"]:
        raise _odd("text", "encoder_hidden_size", text["encoder_hidden_size"], f"{vision['hidden_size']}, vision's")
    return vision, text


def _part(config: Mapping[str, Any], part: str) -> dict[str, Any]:
    known = config.get(part)
    if not isinstance(known, dict):
        raise ValueError(f"`{part}` is no object")
    keys = (*_WHOLE[part], *_FIXED[part], *_SMALL[part])
    for key in known:
        if key not in keys:
            raise ValueError(f"`{part}.{key}`: there is no such key; known are {', '.join(keys)}")
    for key in keys:
        if key not in known:
            raise ValueError(f"`{part}.{key}`: it lacks this key")
        _look_at(part, key, known[key])
    return dict(known)


def _look_at(part: str, key: str, value: Any) -> None:
    if key in _FIXED[part]:
        if value is not _FIXED[part][key]:
            raise _odd(part, key, value, _TOLD[_FIXED[part][key]])
    elif key in _WHOLE[part]:
        low, high = _WHOLE[part][key]
        if type(value) is not int or not low <= value <= high:
            raise _odd(part, key, value, f"a whole number from {low} to {high:,}")
    elif type(value) is not float or not 0 < value <= _MOST_SMALL:
        raise _odd(part, key, value, f"a number above 0, up to {_MOST_SMALL}")


def _divides(part: str, sizes: Mapping[str, int], whole: str, divisor: str) -> None:
    if sizes[whole] % sizes[divisor]:
        raise _odd(part, divisor, sizes[divisor], f"a number that divides {part}.{whole}, {sizes[whole]}")


def _odd(part: str, key: str, value: Any, expected: str) -> ValueError:
    return ValueError(f"`{part}.{key}` is {value!r:.40}; expected: {expected}")
