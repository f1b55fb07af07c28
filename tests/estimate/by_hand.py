"""FLOPs of Kandinsky's networks written down by hand, from their configurations: no counter, no dispatch, no tensor.

Two for each multiplication with its addition. Products and convolutions only, as papers count.
"""

from __future__ import annotations

from typing import Any


def linear(rows: int, inner: int, outer: int) -> int:
    """A linear layer on so many rows."""
    return 2 * rows * inner * outer


def convolution(inner: int, outer: int, kernel: int, places: int) -> int:
    """A square convolution that makes so many places."""
    return 2 * inner * outer * kernel**2 * places


def attention(queries: int, keys: int, width: int) -> int:
    """Both products of attention, all heads together: scores, and their mix of the values."""
    return 2 * (2 * queries * keys * width)


def prior_transformer(config: dict[str, Any], rows: int) -> int:
    """PriorTransformer: tokens are the text's, the text embedding, the time, the noised embedding and a learned one."""
    width, tokens = config["num_attention_heads"] * config["attention_head_dim"], config["num_embeddings"] + 4
    dim = config["embedding_dim"]
    layer = 4 * linear(tokens, width, width) + 2 * linear(tokens, width, 4 * width) + attention(tokens, tokens, width)
    inputs = 2 * linear(1, width, width) + 2 * linear(1, dim, width) + linear(config["num_embeddings"], dim, width)
    return rows * (config["num_layers"] * layer + inputs + linear(1, width, dim))


def clip_text(config: dict[str, Any], rows: int) -> int:
    """CLIP's text transformer with its projection."""
    tokens, width, inner = config["max_position_embeddings"], config["hidden_size"], config["intermediate_size"]
    layer = 4 * linear(tokens, width, width) + 2 * linear(tokens, width, inner) + attention(tokens, tokens, width)
    return rows * (config["num_hidden_layers"] * layer + linear(1, width, config["projection_dim"]))


def movq_decoder(config: dict[str, Any], rows: int, height: int, width: int) -> int:
    """VQModel.decode: each norm takes two 1×1 convolutions of the latents, everything runs at its own resolution."""
    channels, latent = config["block_out_channels"][::-1], config["latent_channels"]
    places = height * width
    top = channels[0]
    total = convolution(latent, latent, 1, places) + convolution(latent, top, 3, places)
    total += 2 * _movq_block(top, top, latent, places) + _movq_attention(top, latent, places)
    before = top
    for level, now in enumerate(channels):
        for layer in range(config["layers_per_block"] + 1):
            total += _movq_block(before if layer == 0 else now, now, latent, places)
            total += _movq_attention(now, latent, places) if config["up_block_types"][level].startswith("Attn") else 0
        if level < len(channels) - 1:
            places *= 4
            total += convolution(now, now, 3, places)
        before = now
    return rows * (total + _spatial_norm(before, latent, places) + convolution(before, 3, 3, places))


def _spatial_norm(channels: int, latent: int, places: int) -> int:
    return 2 * convolution(latent, channels, 1, places)


def _movq_block(inner: int, outer: int, latent: int, places: int) -> int:
    shortcut = convolution(inner, outer, 1, places) if inner != outer else 0
    norms = _spatial_norm(inner, latent, places) + _spatial_norm(outer, latent, places)
    return convolution(inner, outer, 3, places) + convolution(outer, outer, 3, places) + shortcut + norms


def _movq_attention(width: int, latent: int, places: int) -> int:
    return 4 * linear(places, width, width) + attention(places, places, width) + _spatial_norm(width, latent, places)


def unet_22(config: dict[str, Any], rows: int, height: int, width: int) -> int:
    """2.2's UNet: residual blocks that also shrink and grow, attention with 32 tokens of the image embedding beside."""
    channels, layers, places = config["block_out_channels"], config["layers_per_block"], height * width
    first, time, cross = channels[0], 4 * channels[0], config["cross_attention_dim"]
    image = config["encoder_hid_dim"]
    total = linear(1, first, time) + linear(1, time, time) + linear(1, image, time) + linear(1, image, 32 * cross)
    total += convolution(config["in_channels"], first, 3, places)
    before, last = first, len(channels) - 1
    for level, now in enumerate(channels):
        attends = "CrossAttn" in config["down_block_types"][level]
        for layer in range(layers):
            total += _unet_block(before if layer == 0 else now, now, time, places)
            total += _unet_attention(now, cross, places) if attends else 0
        if level < last:
            places //= 4
            total += _unet_block(now, now, time, places)
        before = now
    total += 2 * _unet_block(before, before, time, places) + _unet_attention(before, cross, places)
    for level, now in enumerate(channels[::-1]):
        attends = "CrossAttn" in config["up_block_types"][level]
        below = channels[::-1][min(level + 1, last)]
        for layer in range(layers + 1):
            inner = (before if layer == 0 else now) + (below if layer == layers else now)
            total += _unet_block(inner, now, time, places)
            total += _unet_attention(now, cross, places) if attends else 0
        if level < last:
            places *= 4
            total += _unet_block(now, now, time, places)
        before = now
    return rows * (total + convolution(before, config["out_channels"], 3, places))


def _unet_block(inner: int, outer: int, time: int, places: int) -> int:
    shortcut = convolution(inner, outer, 1, places) if inner != outer else 0
    convolutions = convolution(inner, outer, 3, places) + convolution(outer, outer, 3, places)
    return convolutions + shortcut + linear(1, time, 2 * outer)


def _unet_attention(width: int, cross: int, places: int) -> int:
    added = 2 * linear(32, cross, width)
    return 4 * linear(places, width, width) + added + attention(places, places + 32, width)
