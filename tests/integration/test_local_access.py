"""Access over real sockets: tokens, client secrets, pages of other hosts, and the expiry of a session."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openai.types.realtime import ClientSecretCreateResponse
from pydantic import TypeAdapter
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from realtime_nb.local import LocalServer
from tests.integration.raw_client import http, raw_client

TOKEN = "sentinel-token"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer(token=TOKEN) as running:
        yield running


@pytest.fixture(scope="module")
def open_url() -> Iterator[str]:
    with LocalServer() as running:
        yield running.url


def _bearer(key: str = TOKEN) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _secret(server: LocalServer, key: str = TOKEN, **body: Any) -> httpx.Response:
    return httpx.post(http(server.url) + "/v1/realtime/client_secrets", json=body, headers=_bearer(key))


async def _refusal(url: str, **options: Any) -> InvalidStatus:
    with pytest.raises(InvalidStatus) as caught:
        async with connect(url, **options):
            pass
    return caught.value


async def test_connection_without_the_token_is_refused(server: LocalServer) -> None:
    refused = await _refusal(server.url)
    assert refused.response.status_code == 401
    error = json.loads(bytes(refused.response.body or b""))["error"]
    assert error["type"] == "invalid_request_error"
    assert error["code"] == "missing_api_key"


async def test_a_wrong_token_is_refused(server: LocalServer) -> None:
    refused = await _refusal(server.url, additional_headers=_bearer("sk-wrong"))
    assert refused.response.status_code == 401
    assert b"sk-wrong" not in bytes(refused.response.body or b"")


@pytest.mark.parametrize("headers", [_bearer(), {"api-key": TOKEN}])
async def test_token_is_accepted_in_either_header(server: LocalServer, headers: dict[str, str]) -> None:
    async with raw_client(server.url, additional_headers=headers) as client:
        assert client.log[0]["session"]["id"]


async def test_a_browser_sends_its_secret_as_a_subprotocol_and_gets_realtime_back(server: LocalServer) -> None:
    secret = _secret(server).json()["value"]
    offered = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{secret}")]
    async with raw_client(server.url, subprotocols=offered, origin="http://localhost:8888") as client:
        assert client.socket.subprotocol == "realtime"


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
async def test_pages_of_other_hosts_are_refused_even_with_the_token(server: LocalServer, origin: str) -> None:
    refused = await _refusal(server.url, additional_headers={**_bearer(), "Origin": origin})
    assert refused.response.status_code == 403


async def test_pages_of_other_hosts_are_refused_where_no_token_is_asked(open_url: str) -> None:
    assert (await _refusal(open_url, origin="https://evil.example")).response.status_code == 403


def test_pages_of_other_hosts_get_no_secret_where_no_token_is_asked(open_url: str) -> None:
    answer = httpx.post(http(open_url) + "/v1/realtime/client_secrets", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


async def test_client_secret_sets_the_configuration(server: LocalServer) -> None:
    session = {"type": "realtime", "instructions": "of the secret", "audio": {"output": {"voice": "ash"}}}
    answer = _secret(server, session=session, expires_after={"anchor": "created_at", "seconds": 60})
    assert answer.status_code == 200
    body = answer.json()
    TypeAdapter(ClientSecretCreateResponse).validate_python(body, strict=True, extra="forbid")
    assert body["value"].startswith("ek_")
    assert 0 < body["expires_at"] - time.time() <= 61
    for _ in range(2):
        async with raw_client(server.url, additional_headers=_bearer(body["value"])) as client:
            assert client.log[0]["session"]["instructions"] == "of the secret"
            assert client.log[0]["session"]["audio"]["output"]["voice"] == "ash"


async def test_a_secret_may_be_for_transcription(server: LocalServer) -> None:
    body = _secret(server, session={"type": "transcription"}).json()
    TypeAdapter(ClientSecretCreateResponse).validate_python(body, strict=True, extra="forbid")
    async with raw_client(server.url, additional_headers=_bearer(body["value"])) as client:
        assert client.log[0]["session"]["type"] == "transcription"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"expires_after": {"anchor": "created_at", "seconds": 9}}, "expires_after.seconds"),
        ({"expires_after": {"anchor": "created_at", "seconds": 7_201}}, "expires_after.seconds"),
        ({"expires_after": {"anchor": "now", "seconds": 60}}, "expires_after.anchor"),
        ({"session": {"type": "realtime", "voise": "x"}}, "session.voise"),
        ({"session": {"instructions": "x"}}, "session.type"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_bad_request_for_a_secret_names_the_field(server: LocalServer, body: dict[str, Any], param: str) -> None:
    answer = _secret(server, **body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


def test_secrets_are_made_with_the_token_only(server: LocalServer) -> None:
    assert _secret(server, "wrong").status_code == 401
    secret = _secret(server).json()["value"]
    assert _secret(server, secret).status_code == 401


def test_unknown_addresses_are_answered_in_json(server: LocalServer) -> None:
    answer = httpx.get(http(server.url) + "/v1/chat/completions", headers=_bearer())
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "unknown_url"
    assert "practice" in httpx.get(http(server.url)).json()["server"]


async def test_call_id_is_refused(server: LocalServer) -> None:
    refused = await _refusal(server.url + "?call_id=rtc_1", additional_headers=_bearer())
    assert refused.response.status_code == 404


async def test_session_closes_at_its_expiry() -> None:
    with LocalServer(session_seconds=0.5) as short:
        async with raw_client(short.url) as client:
            error = (await client.until("error"))[-1]["error"]
            assert error["code"] == "session_expired"
            with pytest.raises(ConnectionClosed) as caught:
                await client.receive()
            assert caught.value.rcvd is not None
            assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1001, "maximum duration")
