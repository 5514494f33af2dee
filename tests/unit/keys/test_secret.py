"""A key as a value: no repr, copy, pickle or field shows it."""

from __future__ import annotations

import copy
import dataclasses
import getpass
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import realtime_nb as rt
from realtime_nb.backends import BackendConnector, Endpoint, resolve
from realtime_nb.client.transport.connector import WebSocketConnector
from realtime_nb.keys.secret import Headers, Secret
from realtime_nb.notebook.options import Options

KEY = "a-key/of+no=known-shape-0123456789"
URL = "wss://voice.example/v1/realtime"


def key_of_the_vault() -> str:
    """A key's function that is pickled by its name."""
    return KEY


class Vault:
    """Holds the key itself, so that a pickle of its method would."""

    def __init__(self) -> None:
        self.kept = KEY

    def key(self) -> str:
        return self.kept


def _everything_that_carries_a_key() -> list[Any]:
    backend = rt.Backend(url=URL, api_key=KEY, headers={"X-Key": KEY})
    return [
        backend,
        resolve(backend),
        Options(backend=backend, api_key=KEY),
        BackendConnector(backend, api_key=KEY),
        WebSocketConnector(URL, {"Authorization": f"Bearer {KEY}"}, proxy=f"http://me:{KEY}@proxy"),
        rt.ClientSecret(KEY, 1),
        Secret(KEY),
        Headers({"Authorization": f"Bearer {KEY}"}),
    ]


@pytest.mark.parametrize("value", _everything_that_carries_a_key(), ids=lambda value: type(value).__name__)
def test_no_view_of_a_value_shows_its_key(value: Any) -> None:
    views = [repr(value), str(value), f"{value}", repr(copy.copy(value)), repr(copy.deepcopy(value))]
    views += [repr(vars(value)), repr([vars(value)])] if hasattr(value, "__dict__") else []
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        views += [repr(dataclasses.asdict(value)), json.dumps(dataclasses.asdict(value), default=str)]
        views += [repr(dataclasses.astuple(value))]
    assert not [view for view in views if KEY in view]
    try:
        kept = pickle.dumps(value)
    except (rt.ConfigError, TypeError, AttributeError):
        return
    assert KEY.encode() not in kept


def test_a_key_as_text_is_not_pickled_and_the_error_says_how_to_give_it() -> None:
    with pytest.raises(rt.ConfigError, match=r"not pickled.*EnvKey\('MY_KEY'\)"):
        pickle.dumps(rt.Backend(url=URL, api_key=KEY))
    with pytest.raises(rt.ConfigError, match=r"EnvKey"):
        pickle.dumps(rt.Backend(url=URL, headers={"X-Key": KEY}))


async def test_a_key_as_text_is_pickled_as_the_environment_variable_that_holds_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("A_VOICE_KEY", KEY)
    kept = pickle.dumps(rt.Backend(url=URL, api_key=KEY))
    assert KEY.encode() not in kept
    monkeypatch.setenv("A_VOICE_KEY", "another-key")
    headers = await resolve(pickle.loads(kept)).all_headers()
    assert dict(headers) == {"Authorization": "Bearer another-key"}


async def test_a_pickled_backend_reads_its_variable_where_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    backend: rt.Backend = pickle.loads(pickle.dumps(rt.Backend(url=URL, api_key=rt.EnvKey("A_VOICE_KEY"))))
    assert "EnvKey" in repr(backend)
    assert "A_VOICE_KEY" in repr(backend)
    endpoint = resolve(backend)
    with pytest.raises(rt.ConfigError, match="A_VOICE_KEY is not set in this process"):
        await endpoint.all_headers()
    monkeypatch.setenv("A_VOICE_KEY", f"{KEY}\n")
    assert dict(await endpoint.all_headers()) == {"Authorization": f"Bearer {KEY}"}


@pytest.mark.parametrize("function", [key_of_the_vault, getpass.getpass])
def test_a_function_is_pickled_by_its_name(function: Callable[[], str]) -> None:
    kept = pickle.dumps(rt.Backend(url=URL, api_key=function))
    assert KEY.encode() not in kept
    assert pickle.loads(kept).api_key is function


def test_a_function_whose_pickle_would_hold_the_key_is_refused() -> None:
    Secret(KEY)  # known, as it is after the first connection
    with pytest.raises(rt.ConfigError, match=r"api_key=Vault\.key is not pickled"):
        pickle.dumps(rt.Backend(url=URL, api_key=Vault().key))


def test_a_backend_can_be_copied_replaced_compared_and_hashed() -> None:
    backend = rt.Backend(url=URL, api_key=KEY)
    other = dataclasses.replace(backend, url="wss://other.example/v1")
    assert isinstance(other.api_key, Secret)
    assert other.api_key.reveal() == KEY
    assert copy.deepcopy(backend) == backend == rt.Backend(url=URL, api_key=KEY)
    assert len({backend, copy.copy(backend)}) == 1
    assert backend != rt.Backend(url=URL, api_key="another")


def test_an_endpoint_is_not_pickled() -> None:
    with pytest.raises(rt.ConfigError, match=r"pickle its rt\.Backend"):
        pickle.dumps(Endpoint(name="url", label="x", url=URL))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"api_key": KEY.encode()}, "not bytes"),
        ({"api_key": f"{KEY} {KEY}"}, f"position {len(KEY)}"),
        ({"api_key": f"{KEY}\u201d"}, r"U\+201D"),
        ({"headers": {"X-Key": KEY.encode()}}, "must be text, and not bytes"),
        ({"headers": {"X-Key": f"{KEY}\r\nHost: evil"}}, "line end"),
        ({"headers": [KEY]}, "must be a dict"),
    ],
)
def test_a_key_of_a_wrong_form_is_refused_without_being_printed(given: dict[str, Any], words: str) -> None:
    with pytest.raises(rt.ConfigError, match=words) as refused:
        rt.Backend(url=URL, **given)
    assert KEY not in str(refused.value)
    with pytest.raises(rt.ConfigError, match=words):
        rt.connect(url=URL, **given) if "headers" in given else resolve(URL, **given)


def test_a_key_instead_of_a_variables_name_is_not_printed() -> None:
    with pytest.raises(rt.ConfigError, match="name of an environment variable") as refused:
        rt.EnvKey("sk-test-0123456789")
    assert "0123456789" not in str(refused.value)
