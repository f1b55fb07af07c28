"""When a number may bear the literature's name: by the digest of the weights that its numbers are made with."""

from __future__ import annotations

#: SHA-256 of ``pt_inception-2015-12-05-6726825d.pth``: the Inception of M. Heusel et al., converted from TensorFlow by
#: M. Seitzer's pytorch-fid; torch-fidelity gives away the same file as ``weights-inception-2015-12-05-6726825d.pth``.
INCEPTION = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
#: How the names of torchvision's files end: the first 8 digits of their SHA-256. `lpips` 0.1 stands on these two.
BACKBONES = {"alexnet": "7be5be79", "vgg16": "397923af"}
_LPIPS = {"alexnet": "lpips_alex", "vgg16": "lpips_vgg"}


def fid_name(source_sha256: str, resize: str) -> str | None:
    """``fid_tf`` and the like for the literature's Inception, however it is stored; ``None`` for any other weights.

    Args:
        source_sha256: of the file that the weights were converted from.
        resize: ``tf``, ``clean`` or ``antialias``: FIDs of different resizes cannot be compared.
    """
    return f"fid_{resize}" if source_sha256 == INCEPTION else None


def lpips_name(architecture: str, source_sha256: str, *, declared: bool = False) -> str | None:
    """``lpips_alex`` or ``lpips_vgg`` for a backbone with the literature's weights; ``None`` for any other.

    Args:
        architecture: ``alexnet`` or ``vgg16``.
        source_sha256: of the file that the backbone was converted from; "" if that is not known.
        declared: the catalog names the place of the weights and says that they are the literature's.
    """
    known = declared or (bool(source_sha256) and source_sha256.startswith(BACKBONES[architecture]))
    return _LPIPS[architecture] if known else None
