"""The images that a notebook holds become data URIs; other values are refused with the accepted kinds."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from realtime_nb import Utterance, errors, user_message
from realtime_nb.client.reconnect.replay_items import restoring_items
from realtime_nb.conversation import ClientItem, Conversation, reduce
from realtime_nb.conversation.turn import as_text
from realtime_nb.images import data_uri
from realtime_nb.recording import to_html
from realtime_nb.wire.realtime import ConversationItemAdded, MessageItem, to_dict


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PNG = (
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(b"\0\0"))
    + chunk(b"IEND", b"")
)
JPEG = b"\xff\xd8\xff\xe0 and so on"
PNG_URI = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
JPEG_URI = f"data:image/jpeg;base64,{base64.b64encode(JPEG).decode()}"


class Shown:
    def _repr_png_(self) -> bytes:
        return PNG


@pytest.mark.parametrize(
    ("image", "uri"),
    [
        (PNG, PNG_URI),
        (bytearray(JPEG), JPEG_URI),
        (memoryview(PNG), PNG_URI),
        (PNG_URI, PNG_URI),
        (JPEG_URI, JPEG_URI),
        (Shown(), PNG_URI),
    ],
)
def test_image_bytes_and_data_uris_are_recognised_by_their_first_bytes(image: Any, uri: str) -> None:
    assert data_uri(image) == uri


@pytest.mark.parametrize("name", ["a.png", "B.PNG", "no extension is asked of the content.jpg"])
def test_image_type_is_read_from_content_not_from_file_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(PNG)
    assert data_uri(path) == data_uri(str(path)) == PNG_URI


def test_missing_image_file_raises_file_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        data_uri(tmp_path / "none.png")


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (b"GIF89a", "neither PNG nor JPEG.*GIF89a.*convert"),
        (b"", "neither PNG nor JPEG"),
        ("photo.gif", r"'photo\.gif' is no image.*\.png"),
        ("https://example.com/a.png", "does not fetch: download"),
        ("data:image/png;base64,not base64!", "data: URI"),
        (f"data:image/jpeg;base64,{base64.b64encode(PNG).decode()}", "names the right one of them"),
        ("data:image/svg+xml,<svg/>", "PNG or JPEG as base64"),
        (3, r"a builtins\.int is no image.*matplotlib figure"),
        (None, "is no image"),
        (np.zeros((2, 2)), r"float64 and shape \(2, 2\).*astype\('uint8'\)"),
        (np.zeros((2, 2, 2), np.uint8), r"shape \(2, 2, 2\)"),
        (np.zeros((0, 2), np.uint8), r"shape \(0, 2\)"),
    ],
)
def test_value_that_is_no_image_raises_config_error_naming_accepted_kinds(image: Any, words: str) -> None:
    with pytest.raises(errors.ConfigError, match=words):
        data_uri(image)


def test_figures_pil_images_and_arrays_become_png() -> None:
    figure = pytest.importorskip("matplotlib.figure", reason="matplotlib is not installed").Figure()
    figure.add_subplot().plot([1, 2])
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")

    def size(uri: str) -> tuple[int, int]:
        drawn: tuple[int, int] = image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).size
        return drawn

    assert size(data_uri(figure))[0] > 100
    for mode in ("RGB", "RGBA", "L", "CMYK", "F"):
        assert size(data_uri(image.new(mode, (4, 3)))) == (4, 3)
    for shape in ((3, 4), (3, 4, 3), (3, 4, 4)):
        assert size(data_uri(np.zeros(shape, np.uint8))) == (4, 3)


def test_user_message_holds_text_and_images() -> None:
    assert [part.type for part in user_message("What?", images=[PNG, JPEG]).content] == [
        "input_text",
        "input_image",
        "input_image",
    ]
    alone = user_message("", images=[PNG], detail="low").content
    assert [(part.type, part.image_url, part.detail) for part in alone] == [("input_image", PNG_URI, "low")]
    assert [part.text for part in user_message("").content] == [""]
    with pytest.raises(errors.ConfigError, match=r"detail='medium'.*'auto', 'low', 'high'"):
        user_message("", images=[PNG], detail="medium")  # type: ignore[arg-type]
    with pytest.raises(errors.ConfigError, match="images takes a list"):
        user_message("", images=PNG)


def test_message_repr_shortens_image_data() -> None:
    assert len(repr(user_message("What?", images=[PNG + bytes(1_000_000)]))) < 500


def test_utterance_reads_image_files_in_its_constructor(tmp_path: Path) -> None:
    utterance = Utterance("What?", images=[PNG])
    assert utterance.images == (PNG_URI,)
    assert Utterance("", images=[PNG]).label == "a picture"
    with pytest.raises(errors.ConfigError, match="images need text="):
        Utterance(samples=np.zeros(10, np.int16), images=[PNG])
    with pytest.raises(FileNotFoundError):
        Utterance("What?", images=[tmp_path / "none.png"])


def test_conversation_keeps_images_that_the_server_does_not_echo() -> None:
    state = Conversation()
    item = user_message("What is this?", images=[PNG], detail="high", id="item_1")
    reduce(state, ClientItem(item), at=0.0)
    bare = MessageItem(id="item_1", role="user", status="completed", content=[item.content[0]])
    reduce(state, ConversationItemAdded(item=bare, previous_item_id=None), at=0.0)
    (turn,) = state.turns
    assert (turn.text, turn.images) == ("What is this?", (PNG_URI,))
    assert "1 image" in repr(turn)
    assert as_text([turn]) == "You: What is this? [image]"
    assert f'<img alt="image" src="{PNG_URI}">' in to_html([turn])
    kept = state.store.items["item_1"].parts[1]
    assert (kept.image_url, kept.detail) == (PNG_URI, "high")


def test_images_are_sent_again_to_a_new_session() -> None:
    state = Conversation()
    item = user_message("What is this?", images=[PNG, JPEG], detail="low", id="item_1")
    reduce(state, ConversationItemAdded(item=item, previous_item_id=None), at=0.0)
    (told,), omitted = restoring_items(state)
    assert told["content"] == to_dict(item)["content"]
    assert omitted == 0


def test_saved_page_does_not_fetch_image_urls() -> None:
    state = Conversation()
    item = user_message("", images=[PNG], id="item_1")
    item.content[0].image_url = "https://tracker.example/x.png"
    reduce(state, ConversationItemAdded(item=item, previous_item_id=None), at=0.0)
    assert "tracker" not in to_html(state.turns)
