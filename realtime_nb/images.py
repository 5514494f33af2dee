"""Converts the images that a notebook holds to data URIs of PNG or JPEG, as the wire carries them.

Owns the accepted kinds of image. Must not know items or events. Images of other libraries are recognised by their
methods; only Pillow is imported, to make an image of an array.
"""

from __future__ import annotations

import base64
import binascii
import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from realtime_nb.errors import ConfigError

DETAILS = ("auto", "low", "high")
"""How closely the model looks; more detail costs more tokens."""

_MAGIC = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_ACCEPTED = (
    "PNG or JPEG bytes, a path to a .png or .jpg file, a data: URI of them, a matplotlib figure, a PIL image, or a "
    "uint8 array of shape (height, width), (height, width, 3) or (height, width, 4)"
)
_PNG_MODES = frozenset({"1", "L", "LA", "I", "P", "RGB", "RGBA"})


def data_uris(images: Iterable[Any], detail: str = "auto") -> tuple[str, ...]:
    """Converts each image to a data URI.

    Raises:
        ConfigError: `images` is not a list, `detail` is invalid, or a value is no image.
        FileNotFoundError: a file does not exist.
    """
    if detail not in DETAILS:
        raise ConfigError(f"detail={detail!r} must be one of {', '.join(map(repr, DETAILS))}")
    if not isinstance(images, list | tuple):
        raise ConfigError(f"images takes a list, such as images=[{_shown(images)}], not the image itself")
    return tuple(data_uri(image) for image in images)


def data_uri(image: Any) -> str:
    """Converts an image to `data:image/png;base64,...` or `data:image/jpeg;base64,...`.

    Raises:
        ConfigError: the value is no image; the message names it and what is accepted.
        FileNotFoundError: the file does not exist.
    """
    if isinstance(image, str) and image.startswith("data:"):
        return _checked(image)
    data = _bytes_of(image)
    kind = _kind_of(data)
    if kind is None:
        raise ConfigError(f"{_shown(image)} is neither PNG nor JPEG (it begins with {data[:8]!r}); convert it first")
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _bytes_of(image: Any) -> bytes:
    if isinstance(image, bytes | bytearray | memoryview):
        return bytes(image)
    if isinstance(image, str | os.PathLike):
        return _file(image)
    drawn = io.BytesIO()
    if callable(getattr(image, "savefig", None)):  # matplotlib's Figure, or a wrapper of one
        image.savefig(drawn, format="png")
    elif callable(getattr(image, "save", None)) and isinstance(getattr(image, "mode", None), str):  # PIL's Image
        (image if image.mode in _PNG_MODES else image.convert("RGB")).save(drawn, format="PNG")
    elif hasattr(image, "__array_interface__") and hasattr(image, "dtype"):
        _picture_of(image).save(drawn, format="PNG")
    elif callable(getattr(image, "_repr_png_", None)) and isinstance(shown := image._repr_png_(), bytes | str):
        drawn.write(shown if isinstance(shown, bytes) else base64.b64decode(shown))  # IPython.display.Image and others
    else:
        raise ConfigError(f"{_shown(image)} is no image; an image is {_ACCEPTED}")
    return drawn.getvalue()


def _file(name: str | os.PathLike[str]) -> bytes:
    if isinstance(name, str) and "://" in name:
        raise ConfigError(
            f"{_shown(name)} is a web address, which the service does not fetch: download it, and pass its bytes"
        )
    path = Path(name)
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise ConfigError(f"{_shown(name)} is no image; an image is {_ACCEPTED}")
    return path.read_bytes()


def _picture_of(array: Any) -> Any:
    fits = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if str(array.dtype) != "uint8" or not fits or 0 in array.shape:
        raise ConfigError(
            f"an array of {array.dtype} and shape {tuple(array.shape)} is no image; an image is {_ACCEPTED}. For "
            "floats from 0 to 1, pass (255 * array).astype('uint8')."
        )
    try:
        from PIL import Image
    except ImportError:
        raise ConfigError(
            "an image from an array needs Pillow: `pip install pillow`, or pass PNG or JPEG bytes"
        ) from None
    return Image.fromarray(array)


def _checked(uri: str) -> str:
    head, _, body = uri.partition(",")
    try:
        data = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not head.endswith(";base64") or _kind_of(data) != head.removeprefix("data:").partition(";")[0]:
        raise ConfigError(
            f"{_shown(uri)} is no image; a data: URI holds PNG or JPEG as base64, and names the right one of them"
        )
    return uri


def _kind_of(data: bytes) -> str | None:
    return next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), None)


def _shown(value: Any) -> str:
    if isinstance(value, str | bytes | os.PathLike):
        shown = repr(value)
        return shown if len(shown) <= 60 else f"{shown[:57]}..."
    return f"a {type(value).__module__}.{type(value).__name__}"
