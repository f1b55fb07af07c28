"""Sources to pixels: known colours, sizes and values, and every broken file told apart."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from harness.catalog.drawing import arrange, depth, draw
from harness.catalog.world import parse_caption
from harness.errors import MissingError, UsageError
from harness.spec import pictures
from harness.spec.picture_cells import CAPTION
from harness.spec.pictures import examine, load_asset

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def _saved(path: Path, image: Image.Image, **options: Any) -> str:
    image.save(path, **options)
    return str(path)


def _quarters(width: int = 4, height: int = 2) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    return image


def _loaded(source: dict[str, Any]) -> Image.Image:
    asset, png = load_asset(source)
    image = Image.open(io.BytesIO(png))
    assert (image.mode, image.size) == (asset.mode, (asset.width, asset.height)) and asset.source == source
    head = f"{asset.mode}:{asset.width}x{asset.height}:".encode()
    assert asset.key == hashlib.sha256(head + image.tobytes()).hexdigest() == examine(source).asset.key
    return image


def test_the_key_is_of_the_pixels_whatever_the_file(tmp_path: Path) -> None:
    files = [_saved(tmp_path / f"a.{kind}", _quarters()) for kind in ("png", "bmp", "tiff", "ppm")]
    assert len({load_asset({"file": file, "as": "image"})[0].key for file in files}) == 1
    other = _saved(tmp_path / "b.png", _quarters(2, 4))  # the same number of bytes
    assert load_asset({"file": other, "as": "image"})[0].key != load_asset({"file": files[0], "as": "image"})[0].key


def test_a_turned_photograph_is_turned_back(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: to be turned by 90 degrees clockwise
    source = {"file": _saved(tmp_path / "a.png", _quarters(), exif=exif), "as": "image"}
    image = _loaded(source)
    assert image.size == (2, 4) and examine(source).original == (2, 4)
    assert [image.getpixel((0, y)) for y in range(4)] == [RED, RED, BLUE, BLUE]


@pytest.mark.parametrize(
    ("rule", "size", "row"),
    [("4x4", (4, 4), [RED, RED, BLUE, BLUE]), ("8x4", (8, 4), None), ({"thumbnail": 2}, (2, 1), [RED, BLUE]),
     ({"crop": 2}, (2, 2), [RED, BLUE]), ({"thumbnail": 64}, (8, 4), None), ({"crop": 16}, (16, 16), None)],
)  # fmt: skip
def test_the_rules_for_resizing(tmp_path: Path, rule: Any, size: tuple[int, int], row: Any) -> None:
    source = {"file": _saved(tmp_path / "a.png", _quarters(8, 4)), "as": "mask", "resize": rule}
    assert _loaded(source).size == size and examine(source).original == (8, 4)
    image = _loaded({**source, "as": "image"})
    assert image.size == size
    if row is not None:  # within the overshoot of bicubic resampling
        for x, colour in enumerate(row):
            near: Any = image.getpixel((x, 0))
            assert np.abs(np.subtract(near, colour)).max() < 60


def test_resizing_is_that_of_the_guide(tmp_path: Path) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8))
    file = _saved(tmp_path / "a.png", noise)
    assert _loaded({"file": file, "as": "image", "resize": "24x16"}).tobytes() == noise.resize((24, 16)).tobytes()
    small = noise.copy()
    small.thumbnail((20, 20))
    assert _loaded({"file": file, "as": "image", "resize": {"thumbnail": 20}}).tobytes() == small.tobytes()


def test_a_resized_mask_stays_black_and_white(tmp_path: Path) -> None:
    mask = Image.new("L", (10, 10))
    ImageDraw.Draw(mask).ellipse((1, 1, 8, 8), fill=255)
    for rule in ("7x7", {"thumbnail": 6}, {"crop": 9}):
        image = _loaded({"file": _saved(tmp_path / "m.png", mask), "as": "mask", "resize": rule})
        assert set(image.tobytes()) == {0, 255}


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_every_mode_becomes_rgb_or_grey(tmp_path: Path, mode: str) -> None:
    file = _saved(tmp_path / "a.tiff", Image.new("RGB", (2, 2), (255, 255, 255)).convert(mode))
    assert _loaded({"file": file, "as": "image"}).tobytes() == b"\xff" * 12
    assert _loaded({"file": file, "as": "mask"}).tobytes() == b"\xff" * 4
    assert _loaded({"file": file, "as": "mask", "invert": True}).tobytes() == b"\0" * 4
    assert _loaded({"file": file, "as": "hint"}).mode == ("L" if mode in ("1", "L", "LA") else "RGB")


def test_sixteen_bits_are_brought_to_eight_not_cut_off(tmp_path: Path) -> None:
    grey = Image.fromarray(np.array([[0, 257 * 100, 65535]], dtype=np.uint16))
    source = {"file": _saved(tmp_path / "depth.png", grey), "as": "hint"}
    assert list(_loaded(source).tobytes()) == [0, 100, 255]


def test_what_is_transparent_is_repainted(tmp_path: Path) -> None:
    image = Image.new("RGBA", (2, 1), (9, 9, 9, 255))
    image.putpixel((1, 0), (9, 9, 9, 0))
    file = _saved(tmp_path / "a.png", image)
    assert _loaded({"file": file, "as": "mask", "channel": "alpha"}).tobytes() == b"\0\xff"
    assert _loaded({"file": file, "as": "image"}).tobytes() == b"\x09" * 6
    for source in ({"file": _saved(tmp_path / "b.png", _quarters())}, {"world": CAPTION, "seed": 0}):
        with pytest.raises(UsageError, match="no transparency"):
            load_asset({**source, "as": "mask", "channel": "alpha"})


def test_a_box_is_white_inside() -> None:
    image = _loaded({"box": [1, 0, 3, 1], "size": [4, 2], "as": "mask"})
    assert list(image.tobytes()) == [0, 255, 255, 0, 0, 0, 0, 0]


def test_a_sample_of_the_world_and_its_true_depth() -> None:
    scene = parse_caption(CAPTION)
    assert scene is not None
    picture = _loaded({"world": CAPTION, "seed": 3, "as": "image"})
    assert np.array_equal(np.asarray(picture), draw([scene], np.random.default_rng(3))[0])
    hint = np.asarray(_loaded({"world": CAPTION, "seed": 3, "as": "hint"}))
    truth = depth(arrange([scene], np.random.default_rng(3)))[0]
    assert (hint.min(), hint.max()) == (0, 255) and np.corrcoef(hint.ravel(), truth.ravel())[0, 1] > 0.9999
    assert _loaded({"world": CAPTION, "seed": 4, "as": "image"}).tobytes() != picture.tobytes()
    with pytest.raises(UsageError, match="no caption"):
        load_asset({"world": "a cat", "seed": 0, "as": "image"})


def _broken(folder: Path) -> dict[str, str]:
    """Files with something wrong with each."""
    whole = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(whole, "PNG")
    frames = [Image.new("L", (4, 4), value) for value in (0, 255)]
    (folder / "cut.png").write_bytes(whole.getvalue()[:-900])
    (folder / "text.png").write_text("no picture")
    (folder / "empty.png").touch()
    (folder / "drawing.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n")
    (folder / "folder.png").mkdir()
    _saved(folder / "float.tiff", Image.new("F", (2, 2)))
    for name in ("moving.gif", "moving.webp", "pages.tiff"):
        frames[0].save(folder / name, save_all=True, append_images=frames[1:])
    return {
        "nowhere.png": "nowhere.png cannot be read: No such file",
        "a\0b.png": "cannot be read: embedded null",
        "folder.png": "is no file",
        "text.png": "text.png is no picture",
        "empty.png": "empty.png is no picture",
        "drawing.eps": "drawing.eps is no picture",
        "cut.png": "cut.png cannot be decoded: ",
        "float.tiff": "pixels of mode F",
        "moving.gif": "is animated",
        "moving.webp": "is animated",
        "pages.tiff": "is animated, or has several pages",
    }


def test_a_broken_file_is_told_by_what_is_wrong_with_it(tmp_path: Path) -> None:
    for name, told in _broken(tmp_path).items():
        missing = "cannot be read" in told
        with pytest.raises(MissingError if missing else UsageError) as caught:
            load_asset({"file": str(tmp_path / name), "as": "image"})
        assert told in caught.value.happened and caught.value.expected, name
        assert isinstance(caught.value, MissingError) is missing


def test_a_picture_too_large_is_refused_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _saved(tmp_path / "wide.png", Image.new("1", (8001, 8000)))
    monkeypatch.setattr(Image.Image, "load", lambda image: pytest.fail("decoded"))
    for largest in (None, 1000, 40_000_000):  # PIL's own bounds: none; its error; its warning
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", largest)
        with pytest.raises(UsageError, match="more than 64 megapixels"):
            load_asset({"file": file, "as": "image"})


def test_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(100_000_001)  # sparse: it takes no room
    with pytest.raises(UsageError, match="larger than 100 MB"):
        load_asset({"file": str(tmp_path / "huge.png"), "as": "image"})


def test_a_telephones_second_picture_is_no_animation(tmp_path: Path) -> None:
    first, second = Image.new("RGB", (8, 8), RED), Image.new("RGB", (8, 8), BLUE)
    first.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[second])
    colour: Any = _loaded({"file": str(tmp_path / "a.jpg"), "as": "image"}).getpixel((0, 0))
    assert colour[0] > 250 and colour[2] < 5


class _Web(BaseHTTPRequestHandler):
    served: list[str] = []
    data = b""

    def do_GET(self) -> None:
        """A picture, a redirection out of the web, a broken answer, or nothing."""
        self.served.append(self.path)
        known = {"/a.png": 200, "/short.png": 200, "/away.png": 302}
        self.send_response(known.get(self.path, 404))
        self.send_header("Content-Length", str(len(self.data) + 5 * (self.path == "/short.png")))
        if self.path == "/away.png":
            self.send_header("Location", "ftp://nowhere.invalid/a.png")
        self.end_headers()
        self.wfile.write(self.data)

    def log_message(self, *_: Any) -> None:
        """Be silent."""


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An address under which pictures are served; nothing is cached yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    buffer = io.BytesIO()
    _quarters().save(buffer, "PNG")
    _Web.data, _Web.served = buffer.getvalue(), []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Web)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_address_is_fetched_once(web: str) -> None:
    source = {"url": f"{web}/a.png", "as": "image"}
    assert _loaded(source).tobytes() == _quarters().tobytes() and _Web.served == ["/a.png"]


def test_what_is_no_picture_is_not_remembered(web: str) -> None:
    picture, _Web.data = _Web.data, b"come back tomorrow"
    source = {"url": f"{web}/a.png", "as": "image"}
    with pytest.raises(UsageError, match="is no picture"):
        load_asset(source)
    _Web.data = picture
    assert _loaded(source).tobytes() == _quarters().tobytes()


@pytest.mark.parametrize(
    ("path", "told"),
    [("/nowhere.png", "Not Found"), ("/away.png", "no web address"), ("/short.png", "broke off"), (":x", "gave no")],
)
def test_an_address_that_gives_no_picture_is_missing(web: str, path: str, told: str) -> None:
    with pytest.raises(MissingError, match=f"gave no picture: .*{told}" if told != "gave no" else told):
        load_asset({"url": web + path, "as": "image"})


def test_an_address_that_gives_too_much_is_refused(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_LARGEST_BYTES", 20)
    with pytest.raises(UsageError, match="gives more than"):
        load_asset({"url": f"{web}/a.png", "as": "image"})
