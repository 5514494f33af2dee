"""What the name of a backend means, and where a key goes."""

from __future__ import annotations

import itertools
from typing import Any
from urllib.parse import urlsplit

import pytest

from realtime_nb import backends
from realtime_nb.backends import Backend, resolve
from realtime_nb.client.settings import DEFAULT_MODEL
from realtime_nb.errors import ConfigError, ConnectError
from realtime_nb.keys.secret import revealed

KEY = "sk-SENTINEL-0123456789"


def test_a_key_in_the_environment_means_the_hosted_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f" {KEY}\n")
    for name in ("auto", "openai"):
        endpoint = resolve(name)
        assert endpoint.url == f"wss://api.openai.com/v1/realtime?model={DEFAULT_MODEL}"
        assert endpoint.headers["Authorization"] == f"Bearer {KEY}"
        assert endpoint.notice is None
    assert resolve("auto", model="gpt-realtime-2").url.endswith("?model=gpt-realtime-2")


def test_a_key_goes_to_no_other_host_unless_it_was_given_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://mine.openai.azure.com/")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "azure-key")
    assert dict(resolve("ws://example.com/v1/realtime").headers) == {}
    assert dict(resolve(Backend(url="wss://example.com/")).headers) == {}
    assert KEY not in str(dict(resolve("azure", model="my-deployment").headers))
    assert resolve("wss://example.com/", api_key="theirs").headers == {"Authorization": "Bearer theirs"}


def test_azure_has_its_own_address_and_header(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY or AZURE_OPENAI_AD_TOKEN"):
        resolve("azure", model="d")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://mine.openai.azure.com")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "azure-key")
    with pytest.raises(ConfigError, match="deployment"):
        resolve("azure")
    endpoint = resolve("azure", model="my deployment")
    assert endpoint.url == "wss://mine.openai.azure.com/openai/v1/realtime?model=my+deployment"
    assert dict(endpoint.headers) == {"api-key": "azure-key"}
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "http://mine.openai.azure.com")
    with pytest.raises(ConfigError, match="https"):
        resolve("azure", model="d")


def test_openai_without_a_key_raises_an_error_that_says_how_to_pass_one() -> None:
    with pytest.raises(ConfigError, match=r"OPENAI_API_KEY.*api_key=.*backend='local'"):
        resolve("openai")


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        ("opanai", r"Did you mean 'openai'\?"),
        ("https://api.example.com/v1/realtime", r"Did you mean 'wss://api\.example\.com/v1/realtime'\?"),
        ("http://localhost:1/v1", r"Did you mean 'ws://localhost:1/v1'\?"),
        ("ftp://x", "ws:// or wss://"),
        ("ws://", "ws:// or wss://"),
        (3, "name"),
        (None, "name"),
    ],
)
def test_unknown_backend_raises_an_error_with_the_allowed_values(backend: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        resolve(backend)


def test_a_url_keeps_its_query_and_takes_a_model_once() -> None:
    url = "ws://host:1/v1/realtime?foo=1"
    assert resolve(url).url == url
    assert resolve(url, model="m").url == f"{url}&model=m"
    assert resolve(f"{url}&model=m", model="m").url == f"{url}&model=m"
    with pytest.raises(ConfigError, match="give it once"):
        resolve(f"{url}&model=m", model="n")
    for other in ("call_id=rtc_1", "intent=transcription"):
        with pytest.raises(ConfigError, match="exclude each other"):
            resolve(f"ws://host/?{other}", model="m")


def test_url_and_backend_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="exclude each other"):
        backends.connect(url="ws://host", backend="local")
    with pytest.raises(TypeError, match="modl"):
        backends.connect(modl="x")  # type: ignore[call-arg]


def test_no_repr_shows_a_key() -> None:
    backend = Backend(url="wss://host/?token=SENTINEL-1&model=m", api_key=KEY, headers={"X-Key": KEY})
    endpoint = resolve(backend)
    assert endpoint.headers == {"Authorization": f"Bearer {KEY}", "X-Key": KEY}
    shown = f"{backend!r} {backend} {endpoint!r} {endpoint} {endpoint.connector()!r} {endpoint.label}"
    assert "SENTINEL" not in shown
    assert "host" in shown


def test_repr_names_what_was_given() -> None:
    backend = Backend(url="ws://host", subprotocols=["realtime", "v2.sip"], allow_insecure=True)
    assert repr(backend) == (
        "Backend(url='ws://host', api_key=None, headers={}, subprotocols=('realtime', 'v2.sip'), allow_insecure=True)"
    )


@pytest.mark.parametrize(
    "offered",
    [
        "openai-insecure-api-key.sk-abcdef0123456789",
        "openai-insecure-api-key.of+no/known-shape-0123456789",
        "access_token.0123456789abcdef",
        "sk-abcdef0123456789",
    ],
)
def test_repr_shows_no_key_in_a_subprotocol(offered: str) -> None:
    backend = Backend(url="wss://host", subprotocols=["realtime", offered])
    assert offered.rpartition(".")[2] not in repr(backend)
    assert "'realtime'" in repr(backend)
    assert [revealed(name) for name in backend.subprotocols] == ["realtime", offered]


def azure(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://mine.openai.azure.com")
    for name, value in variables.items():
        monkeypatch.setenv(f"AZURE_OPENAI_{name}", value)


def test_azure_takes_a_token_as_well_as_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    azure(monkeypatch, AD_TOKEN="opaque-token", API_KEY="azure-key")
    token = "eyJhbGciOi.eyJpc3Mi.c2ln"
    assert resolve("azure", model="d").headers == {"Authorization": "Bearer opaque-token"}
    assert resolve("azure", model="d", api_key="given").headers == {"api-key": "given"}
    assert resolve("azure", model="d", api_key=token).headers == {"Authorization": f"Bearer {token}"}


async def test_a_key_may_be_a_function_that_is_called_for_every_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    azure(monkeypatch, AD_TOKEN="not this one")
    made = itertools.count()

    async def later() -> str:
        return f"key-{next(made)}"

    for key in (lambda: f"key-{next(made)}", later):
        for name, header in (("azure", "api-key"), ("openai", "Authorization"), ("wss://host", "Authorization")):
            endpoint = resolve(name, model="d", api_key=key)
            first, second = [await endpoint.all_headers() for _ in range(2)]
            assert "key-" in first[header]
            assert first[header] != second[header]
            assert "key-" not in f"{endpoint!r} {endpoint.connector()!r} {first!r}"
    assert resolve("auto", api_key=later).name == "openai"


@pytest.mark.parametrize(
    ("result", "error", "words"),
    [
        (None, ConfigError, r"api_key=.*provider\(\) returned NoneType; it must return"),
        (" ", ConfigError, "returned an empty string"),
        (RuntimeError(f"no token for {KEY}"), ConnectError, r"raised RuntimeError: no token for \*\*\*"),
    ],
)
async def test_key_function_without_a_key_has_an_error_of_its_own(
    result: Any, error: type[Exception], words: str
) -> None:
    def provider() -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    with pytest.raises(error, match=words) as caught:
        await resolve("openai", api_key=provider).all_headers()
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("base", "url", "label"),
    [
        ("https://api.openai.com/v1", "wss://api.openai.com/v1/realtime", "OpenAI"),
        ("https://gate.example/openai/v1/", "wss://gate.example/openai/v1/realtime", "gate.example (OPENAI_BASE_URL)"),
        ("http://localhost:8000/v1", "ws://localhost:8000/v1/realtime", "localhost:8000 (OPENAI_BASE_URL)"),
        ("wss://gate.example/v1/realtime", "wss://gate.example/v1/realtime", "gate.example (OPENAI_BASE_URL)"),
    ],
)
def test_openai_base_url_receives_the_openai_key(
    monkeypatch: pytest.MonkeyPatch, base: str, url: str, label: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", base)
    endpoint = resolve("auto")
    assert endpoint.url == f"{url}?model={DEFAULT_MODEL}"
    assert (endpoint.name, endpoint.label) == ("openai", label)
    assert endpoint.headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"wss://u:{KEY}@host/", "user name or password before its host.*headers="),
        (f"wss://{KEY}@host/", "user name or password"),
        (f"wss://host/?api-key={KEY}", "holds a key.*'api-key' parameter"),
        ("wss://host/?api_key=short", "holds a key"),
        (f"wss://host/?q={KEY}", "holds a key"),
    ],
)
def test_an_address_carries_no_key(monkeypatch: pytest.MonkeyPatch, url: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        resolve(url)
    assert "SENTINEL" not in str(caught.value)
    assert "u:" not in str(caught.value)
    for variable, name in (("OPENAI_BASE_URL", "openai"), ("AZURE_OPENAI_ENDPOINT", "azure")):
        monkeypatch.setenv(variable, url)
        with pytest.raises(ConfigError, match=variable) as caught:
            resolve(name, model="d", api_key="k")
        assert "SENTINEL" not in str(caught.value)


def test_one_of_model_call_and_intent_stands_in_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    assert urlsplit(resolve("openai", call_id="rtc_1").url).query == "call_id=rtc_1"
    assert urlsplit(resolve("openai", intent="transcription").url).query == "intent=transcription"
    both: list[dict[str, Any]] = [{"model": "m", "call_id": "c"}, {"call_id": "c", "intent": "transcription"}]
    for two in both:
        with pytest.raises(ConfigError, match="exclude each other"):
            resolve("openai", **two)
    with pytest.raises(ConfigError, match="intent='translation'"):
        backends.connect(intent="translation")
    with pytest.raises(ConfigError, match="exclude each other"):
        backends.connect(model="m", call_id="c")


def test_an_azure_gateway_keeps_its_path_and_a_call_needs_no_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://gateway.example/team-a")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "k-0123456789")
    url = resolve("azure", call_id="rtc_1").url
    assert url == "wss://gateway.example/team-a/openai/v1/realtime?call_id=rtc_1"
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://name.openai.azure.com/openai/v1")
    assert resolve("azure", "d").url == "wss://name.openai.azure.com/openai/v1/realtime?model=d"


@pytest.mark.parametrize("given", [{"api_key": "k-0123456789"}, {"headers": {"x-key": "k-0123456789"}}])
def test_a_key_leaves_this_machine_unencrypted_only_where_that_is_asked_for(given: dict[str, Any]) -> None:
    url = "ws://elsewhere.example/v1/realtime"
    with pytest.raises(ConfigError, match="allow_insecure=True") as refused:
        resolve(Backend(url=url, **given))
    assert "k-0123456789" not in str(refused.value)
    assert resolve(Backend(url=url, allow_insecure=True, **given)).url == url
    assert resolve(Backend(url="ws://127.0.0.1:9/v1/realtime", **given))
    assert resolve(url).url == url


def test_a_key_given_as_a_backend_is_not_printed() -> None:
    with pytest.raises(ConfigError) as refused:
        resolve("sk-proj-0123456789abcdef")
    assert "0123456789abcdef" not in str(refused.value)
