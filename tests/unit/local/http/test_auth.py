"""Access control: which requests are allowed, and which are refused."""

from __future__ import annotations

import pytest

from realtime_nb.local.http.auth import AccessControl, RequestRefused, SecretStore
from realtime_nb.loopback import is_loopback


def _gate(token: str | None = "sentinel", *, loopback: bool = True, now: float = 1_000.0) -> AccessControl:
    clock = [now]
    return AccessControl(token, loopback, SecretStore(now=lambda: clock[0]))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "LOCALHOST.", "a.localhost"])
def test_names_that_are_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.1.4", "example.org", "localhost.example.org", "", "127.0.0.1.x"]
)
def test_names_that_are_not_loopback(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "origin",
    ["http://127.0.0.1:8888", "http://localhost:8888", "https://localhost", "http://[::1]:9", "http://127.0.0.1"],
)
def test_pages_of_this_machine_are_allowed_on_any_port(origin: str) -> None:
    _gate().check_origin(origin, "127.0.0.1:24517")
    _gate().check_origin(origin, "localhost:24517")


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "", "http://127.0.0.1.evil.example", "http://localhost@evil.example", "file://"],
)
@pytest.mark.parametrize("loopback", [True, False])
def test_pages_of_other_hosts_are_refused(origin: str, loopback: bool) -> None:
    with pytest.raises(RequestRefused) as caught:
        _gate(loopback=loopback).check_origin(origin, "127.0.0.1:24517")
    assert caught.value.status == 403


def test_host_header_that_resolves_to_loopback_is_refused() -> None:
    with pytest.raises(RequestRefused):
        _gate().check_origin("http://rebound.example:24517", "rebound.example:24517")


def test_page_of_the_same_host_is_allowed_beyond_loopback() -> None:
    gate = _gate(loopback=False)
    gate.check_origin("https://lab.example:8888", "lab.example:24517")
    with pytest.raises(RequestRefused):
        gate.check_origin("https://other.example", "lab.example:24517")
    with pytest.raises(RequestRefused):
        gate.check_origin("http://localhost:8888", "lab.example:24517")


def test_request_without_origin_is_allowed() -> None:
    _gate().check_origin(None, "127.0.0.1:24517")


@pytest.mark.parametrize(
    ("headers", "subprotocols"),
    [
        ({"Authorization": "Bearer sentinel"}, []),
        ({"Authorization": "bearer  sentinel "}, []),
        ({"api-key": "sentinel"}, []),
        ({}, ["realtime", "openai-insecure-api-key.sentinel"]),
    ],
)
def test_token_is_accepted_in_each_place(headers: dict[str, str], subprotocols: list[str]) -> None:
    assert _gate().check_key(headers, subprotocols) is None


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic sentinel"}, {"api-key": "Sentinel"}]
)
def test_a_wrong_token_is_refused_without_being_repeated(headers: dict[str, str]) -> None:
    with pytest.raises(RequestRefused) as caught:
        _gate().check_key(headers)
    assert caught.value.status == 401
    body = caught.value.body()["error"]
    assert body["type"] == "invalid_request_error"
    assert body["code"] in ("invalid_api_key", "missing_api_key")
    assert "sentinel" not in str(body).lower()


def test_any_key_is_accepted_without_a_token() -> None:
    gate = _gate(token=None)
    gate.check_key({})
    gate.check_key({"Authorization": "Bearer sk-anything"})


def test_client_secret_is_reusable_until_it_expires() -> None:
    clock = [1_000.0]
    gate = AccessControl("sentinel", True, SecretStore(now=lambda: clock[0]))
    value, expires_at = gate.secrets.create({"type": "realtime"}, 60)
    assert value.startswith("ek_")
    assert expires_at == 1_060
    for _ in range(2):
        assert gate.check_key({"Authorization": f"Bearer {value}"}) == {"type": "realtime"}
    clock[0] = 1_061.0
    with pytest.raises(RequestRefused):
        gate.check_key({"Authorization": f"Bearer {value}"})


def test_unknown_secret_is_refused_without_a_token_too() -> None:
    with pytest.raises(RequestRefused):
        _gate(token=None).check_key({"Authorization": "Bearer ek_made_up"})


def test_client_secret_cannot_create_another() -> None:
    gate = _gate()
    value, _ = gate.secrets.create(None, 60)
    with pytest.raises(RequestRefused):
        gate.check_token({"Authorization": f"Bearer {value}"})


def test_two_sessions_of_one_secret_do_not_share_a_configuration() -> None:
    gate = _gate()
    value, _ = gate.secrets.create({"tools": []}, 60)
    first = gate.check_key({"api-key": value})
    assert first is not None
    first["tools"].append("x")
    assert gate.check_key({"api-key": value}) == {"tools": []}
