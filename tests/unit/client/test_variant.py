"""`Variant`: checks at its making, and its form on the wire."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from realtime_nb.client.variant import Variant
from realtime_nb.errors import ConfigError


def test_a_variant_has_the_widgets_defaults_under_its_settings() -> None:
    variant = Variant("brief", {"instructions": "Be brief.", "voice": "cedar"})
    assert dict(variant.settings) == {"instructions": "Be brief.", "voice": "cedar"}
    assert variant.payload["instructions"] == "Be brief."
    assert variant.payload["audio"]["output"] == {"voice": "cedar"}
    assert variant.payload["audio"]["input"]["turn_detection"] == {"type": "semantic_vad"}


def test_further_session_fields_lie_over_the_settings() -> None:
    variant = Variant("other", {"voice": "cedar"}, session={"audio": {"output": {"voice": "marin"}}})
    assert variant.payload["audio"]["output"]["voice"] == "marin"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((" ",), "that people can read"),
        (("a", {"instruction": "x"}), "Did you mean 'instructions'"),
        (("a", {"voice": 3}), "voice=3"),
        (("a", ["voice"]), "must be a dict"),
    ],
)
def test_a_wrong_variant_is_refused_where_it_is_made(arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Variant(*arguments)


@pytest.mark.parametrize("name", ["backend", "model"])
def test_a_wrong_address_or_model_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Variant("a", **{name: "" if name == "model" else "nowhere"})  # type: ignore[arg-type]


def test_a_variant_shows_what_differs() -> None:
    assert repr(Variant("fast", {"speed": 1.2}, model="m")) == "Variant('fast', speed=1.2, model='m')"


def test_a_variant_can_be_pickled() -> None:
    copy = pickle.loads(pickle.dumps(Variant("a", {"instructions": "Hi", "tools": []})))
    assert copy.payload == Variant("a", {"instructions": "Hi", "tools": []}).payload
