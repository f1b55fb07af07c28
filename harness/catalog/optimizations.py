"""The optimizations that a spec may stack: what each does, what it takes, what it needs, and in which order they go."""

from __future__ import annotations

from harness.catalog.types import OptimizationRow

_UNET = ("unet",)
_SLICES = "diffusers' VQModel inherits enable_{0} and has no {0} of its own: the call raises NotImplementedError"
_GPU_MOVES = "it moves weights between a GPU and the processor's memory"

_ROWS = (
    OptimizationRow(
        name="again",
        what="nothing: the same pipelines loaded once more, an A/A comparison that shows the noise of the measurement",
        rank=1,
        kind="nothing",
        exact=True,
    ),
    OptimizationRow(
        name="tf32",
        what="TensorFloat-32 in float32 matrix products and convolutions (10 bits of mantissa instead of 23)",
        rank=1,
        kind="precision",
        needs_device="cuda",
        why_device="TensorFloat-32 is a format of NVIDIA's tensor cores",
    ),
    OptimizationRow(
        name="matmul-precision",
        what="torch.set_float32_matmul_precision: float32 matrix products by TF32 (high) or bfloat16 (medium)",
        rank=1,
        kind="precision",
        options={"precision": ("high", "medium")},
    ),
    OptimizationRow(
        name="layerwise-casting",
        what="weights kept in 8-bit floats and cast up layer by layer as they are used",
        rank=2,
        kind="storage",
        parts=_UNET,
        may=("unet", "prior"),
        options={"storage": ("float8_e4m3fn", "float8_e5m2")},
    ),
    OptimizationRow(
        name="int8-weights",
        what="weights of linear layers kept in 8-bit integers (torchao, weight-only)",
        rank=2,
        kind="storage",
        parts=_UNET,
        may=("unet", "prior"),
        needs_package="torchao",
    ),
    OptimizationRow(
        name="sdpa",
        what="explicit scaled_dot_product_attention processors (AttnAddedKVProcessor2_0 and AttnProcessor2_0)",
        rank=3,
        kind="attention",
        parts=_UNET,
        may=("unet", "prior", "movq"),
    ),
    OptimizationRow(
        name="plain-attention",
        what="attention as two matrix products and a softmax (AttnAddedKVProcessor and AttnProcessor)",
        rank=3,
        kind="attention",
        parts=_UNET,
        may=("unet", "prior", "movq"),
    ),
    OptimizationRow(
        name="xformers",
        what="xFormers' memory-efficient attention (XFormersAttnAddedKVProcessor)",
        rank=3,
        kind="attention",
        parts=_UNET,
        may=("unet", "movq"),
        needs_device="cuda",
        why_device="xFormers' kernels are written for CUDA",
        needs_package="xformers",
    ),
    OptimizationRow(
        name="attention-slicing",
        what="attention in slices of heads, one after another: less memory at once",
        rank=3,
        kind="attention",
        parts=_UNET,
        may=_UNET,
        options={"slice_size": ("auto", "max")},
    ),
    OptimizationRow(
        name="channels-last",
        what="weights and activations of convolutions in the memory format NHWC",
        rank=4,
        kind="layout",
        parts=_UNET,
        may=("unet", "movq"),
        exact=False,
    ),
    OptimizationRow(
        name="release-prior",
        what="the prior is loaded, asked and released before the decoder is loaded",
        rank=5,
        kind="residence",
        exact=True,
    ),
    OptimizationRow(
        name="model-offload",
        what="each network on the GPU only while it is called (enable_model_cpu_offload)",
        rank=5,
        kind="residence",
        needs_device="cuda",
        why_device=_GPU_MOVES,
        exact=True,
    ),
    OptimizationRow(
        name="sequential-offload",
        what="each layer on the GPU only while it is called (enable_sequential_cpu_offload)",
        rank=5,
        kind="residence",
        needs_device="cuda",
        why_device=_GPU_MOVES,
        exact=True,
    ),
    OptimizationRow(
        name="group-offload",
        what="groups of layers on the GPU only while they are called (enable_group_offload)",
        rank=5,
        kind="residence",
        parts=_UNET,
        may=("unet", "prior"),
        options={"offload_type": ("leaf_level", "block_level"), "use_stream": (False, True)},
        needs_device="cuda",
        why_device=_GPU_MOVES,
        exact=True,
    ),
    OptimizationRow(
        name="compile",
        what="torch.compile",
        rank=6,
        kind="compile",
        parts=_UNET,
        may=("unet", "prior", "movq"),
        options={
            "mode": ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs"),
            "fullgraph": (False, True),
            "dynamic": ("auto", True, False),
            "assign": ("runs", "combined"),
        },
        needs_program=True,
    ),
    OptimizationRow(
        name="movq-slicing",
        what="the MoVQ decodes a batch picture by picture",
        rank=4,
        kind="residence",
        refused=_SLICES.format("slicing"),
    ),
    OptimizationRow(
        name="movq-tiling",
        what="the MoVQ decodes a picture tile by tile",
        rank=4,
        kind="residence",
        refused=_SLICES.format("tiling"),
    ),
)

#: By name, in the catalog's order. ``none`` stands for the empty stack and is no row.
OPTIMIZATIONS: dict[str, OptimizationRow] = {row.name: row for row in _ROWS}
NONE = "none"
RESIDENCES = tuple(row.name for row in _ROWS if row.kind == "residence" and not row.refused)
OFFLOADS = tuple(name for name in RESIDENCES if OPTIMIZATIONS[name].needs_device is not None)  # by hooks
#: Patterns of layers that are not cast: the layer around them brings its input to their dtype.
NOT_CAST = ("image_embeds",)
FAMILY = ("optimizations", "dtype")  # the knobs that cells of one family differ in
#: kind of device -> the package that compiling for it needs, beside the C++ compiler that it needs everywhere
COMPILERS = {"cuda": "triton"}
CUDA_GRAPHS = ("reduce-overhead", "max-autotune")  # modes of compile that record CUDA graphs
