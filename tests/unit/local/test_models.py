"""The options of local models: what is refused, where a key goes, and that no key is shown."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from realtime_nb.errors import ConfigError
from realtime_nb.keys.secret import EnvKey, Secret
from realtime_nb.local.models import LocalModels, ModelOptions

URL = "http://localhost:11434/v1"
KEY = "a-key/of+no=known-shape-0123456789"


def options(**given: Any) -> ModelOptions:
    return ModelOptions(**{"chat_url": URL, "chat_model": "qwen3:4b", **given})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"chat_url": "localhost:11434/v1"}, ["localhost:11434/v1", "http://", "11434"]),
        ({"chat_url": "ws://localhost/v1"}, ["ws://localhost/v1", "http://"]),
        ({"chat_url": "http:///v1"}, ["name a host"]),
        ({"chat_url": "http://user:pass@host/v1"}, ["user name or password", "chat_key="]),
        ({"chat_url": "http://host/v1?api_key=abc"}, ["chat_key="]),
        ({"chat_url": "http://host/v1?x=1"}, ["'?'"]),
        ({"chat_url": "http://host:port/v1"}, ["port", "number"]),
        ({"chat_url": 5}, ["chat_url=5"]),
        ({"chat_model": " "}, ["chat_model=' '"]),
        ({"chat_model": None}, ["ModelOptions() needs chat_model=", "ollama list"]),
        ({"chat_url": None}, ["ModelOptions() needs chat_url=", "11434"]),
        ({"chat_ur": URL}, ["ModelOptions() has no option 'chat_ur'", "Did you mean 'chat_url'"]),
        ({"chat_kye": KEY}, ["no option 'chat_kye'", "Did you mean 'chat_key'"]),
        ({"zzz": 1}, ["no option 'zzz'", "It takes chat_url, chat_model"]),
        ({"chat_model": "a\ud83d"}, ["chat_model", "surrogate"]),
        ({"chat_key": 5}, ["chat_key=", "int"]),
        ({"chat_key": "with space"}, ["chat_key=", "position 4"]),
        ({"chat_url": "http://models.example.com/v1", "chat_key": KEY}, ["not encrypted", "chat_key="]),
        ({"stt_key": KEY}, ["stt_key=", "stt='auto'"]),
        ({"tts": "espeak", "tts_key": KEY}, ["tts_key=", "tts='espeak'"]),
        ({"stt": "wisper:base.en"}, ["stt='wisper:base.en'", "Did you mean 'whisper"]),
        ({"stt": "commands:x"}, ["stt='commands:x'"]),
        ({"tts": "http://localhost/v1?key=abc"}, ["tts=", "tts_key="]),
        ({"stt": "espeak"}, ["stt='espeak'", "'commands'"]),
        ({"stt": "https://user:pass@host/v1"}, ["stt_key="]),
        ({"tts": "whisper:base.en"}, ["tts='whisper:base.en'", "espeak"]),
        ({"tts": None}, ["tts=None"]),
        ({"context_tokens": 0}, ["context_tokens=0"]),
        ({"context_tokens": True}, ["context_tokens=True"]),
        ({"context_tokens": "8k"}, ["context_tokens='8k'"]),
        ({"options": ["temperature"]}, ["options=", "dict"]),
        ({"options": {"stream": False}}, ["'stream'", "always streamed"]),
        ({"options": {"messages": []}}, ["'messages'"]),
        ({"options": {"model": "x"}}, ["'model'", "chat_model="]),
        ({"options": {"temperature": float("nan")}}, ["options=", "JSON"]),
        ({"options": {"stop": {1, 2}}}, ["options=", "JSON"]),
    ],
)
def test_wrong_option_is_refused_with_its_value_and_a_next_step(given: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ConfigError) as refused:
        options(**given)
    for word in words:
        assert word in str(refused.value)
    assert KEY not in str(refused.value)
    assert "pass@" not in str(refused.value)


def test_error_names_the_public_class() -> None:
    with pytest.raises(ConfigError, match=r"^LocalModels\(\) needs chat_url="):
        LocalModels(chat_model="m")
    with pytest.raises(ConfigError, match=r"^LocalModels\(\) has no option 'chat_modle'\. Did you mean 'chat_model'\?"):
        LocalModels(chat_url=URL, chat_modle="m")


def test_address_of_the_endpoint_itself_is_taken_as_its_base() -> None:
    assert options(chat_url=f"{URL}/chat/completions").chat_url == URL
    assert options(chat_url=f" {URL}/ ").chat_url == URL


def test_no_repr_copy_or_pickle_shows_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    made = LocalModels(chat_url=URL, chat_model="m", chat_key=KEY, stt="http://localhost:1/v1", stt_key=KEY)
    assert KEY not in repr(made)
    assert repr(made).startswith("LocalModels(chat_url=")
    assert copy.deepcopy(made) is made
    assert copy.copy(made) is made
    with pytest.raises(ConfigError, match="not pickled"):
        pickle.dumps(made)
    monkeypatch.setenv("MY_KEY", KEY)
    data = pickle.dumps(made)
    assert KEY.encode() not in data
    again = pickle.loads(data)
    assert isinstance(again, LocalModels)
    assert again.chat_key == EnvKey("MY_KEY")
    assert again.resolved() == made.resolved()


def test_options_are_compared_by_value() -> None:
    one, two = options(options={"a": 1, "b": 2}), options(options={"b": 2, "a": 1})
    assert one == two
    assert hash(one) == hash(two)
    assert options(chat_key="key-number-1") != options(chat_key="key-number-2")


def test_options_of_the_user_cannot_be_changed_afterwards() -> None:
    mine = {"stop": ["a"]}
    made = options(options=mine)
    mine["stop"].append("b")
    assert made.options == {"stop": ["a"]}


def test_pipe_carries_every_option_and_key() -> None:
    made = options(
        chat_key=KEY,
        stt="https://a/v1",
        stt_key="other-key-0123",
        tts="http://localhost:1/v1#voice=a",
        context_tokens=4096,
        options={},
    )
    assert ModelOptions.from_pipe(made.to_pipe()) == made


async def _late_key() -> str:
    return KEY


def test_functions_are_called_for_the_key() -> None:
    assert options(chat_key=lambda: KEY).resolved().chat_key == Secret(KEY)
    assert options(chat_key=_late_key).resolved().chat_key == Secret(KEY)
    with pytest.raises(ConfigError, match=r"chat_key=.*returned int"):
        options(chat_key=lambda: 5).resolved()


def test_variables_key_goes_to_its_own_server_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REALTIME_NB_CHAT_KEY", KEY)
    assert options().resolved().chat_key == Secret(KEY)
    monkeypatch.setenv("REALTIME_NB_CHAT_URL", "http://LOCALHOST:11434/v1/")
    assert options().resolved().chat_key == Secret(KEY)
    monkeypatch.setenv("REALTIME_NB_CHAT_URL", "http://localhost:8000/v1")
    assert options().resolved().chat_key is None
    assert options(chat_key="another-key").resolved().chat_key == Secret("another-key")


def test_no_key_of_another_service_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("REALTIME_NB_STT_KEY", "key-of-the-recogniser")
    made = options().resolved()
    assert (made.chat_key, made.stt_key, made.tts_key) == (None, None, None)


def test_environment_names_all_options(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ModelOptions.from_environment() is None
    monkeypatch.setenv("REALTIME_NB_CHAT_URL", URL)
    with pytest.raises(ConfigError, match="REALTIME_NB_CHAT_MODEL"):
        ModelOptions.from_environment()
    monkeypatch.setenv("REALTIME_NB_CHAT_MODEL", "m")
    monkeypatch.setenv("REALTIME_NB_TTS", "espeak")
    assert ModelOptions.from_environment() == options(chat_model="m", tts="espeak")
    assert ModelOptions.from_environment({"chat_model": "n", "stt": None}) == options(chat_model="n", tts="espeak")


@pytest.mark.parametrize(
    ("url", "host"),
    [(URL, None), ("http://[::1]:1/v1", None), ("https://api.example.com/v1", "api.example.com")],
)
def test_host_beyond_this_machine_is_named(url: str, host: str | None) -> None:
    assert options(chat_url=url).host_of("chat") == host
    assert options(stt=url).host_of("stt") == host
    assert options().host_of("tts") is None
