"""The choice of the transport, and the sentence about a fallback."""

from __future__ import annotations

import logging

import pytest

from realtime_nb.backends import Endpoint
from realtime_nb.errors import ConfigError
from realtime_nb.keys.secret import Headers
from realtime_nb.notebook.browser.selection import TransportInUse, Transports, check_transport
from realtime_nb.notebook.browser.transport import PageSockets
from realtime_nb.notebook.page.channel import Channel
from realtime_nb.notebook.page.pages import Pages

HERE = Endpoint(
    name="url", label="here", url="ws://127.0.0.1:1/v1/realtime", headers=Headers({"Authorization": "Bearer hunter2"})
)


def _transports() -> Transports:
    return Transports(PageSockets(Channel(lambda content, buffers: None), Pages()), "browser")


def test_unknown_transport_name_raises_config_error() -> None:
    assert check_transport("browser") == "browser"
    with pytest.raises(ConfigError, match="'webrtc' must be 'kernel'"):
        check_transport("webrtc")


def test_fallback_is_logged_once_and_shown_while_it_lasts(caplog: pytest.LogCaptureFixture) -> None:
    in_use = TransportInUse("browser")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            in_use.connected("kernel", "No page shows the card.")
    assert (in_use.name, in_use.why) == ("kernel", "No page shows the card.")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    in_use.connected("browser")
    assert (in_use.name, in_use.why) == ("browser", None)


def test_connector_shows_its_address_and_no_key() -> None:
    transports = _transports()
    for name in ("kernel", "browser"):
        connector = transports.connector(HERE, HERE.connector(), check_transport(name))
        assert "127.0.0.1:1" in connector.describe()
        assert "hunter2" not in repr(connector) + connector.describe()


@pytest.mark.parametrize(
    "endpoint",
    [
        Endpoint(name="azure", label="Azure", url="wss://me.example/openai/v1/realtime"),
        Endpoint(name="url", label="Azure", url="wss://me.openai.azure.com/openai/v1/realtime"),
        Endpoint(name="url", label="gateway", url="wss://gateway.example/v1", headers=Headers({"Api-Key": "hunter2"})),
    ],
    ids=["by name", "by address", "by its key"],
)
def test_browser_transport_refuses_azure(endpoint: Endpoint) -> None:
    transports = _transports()
    with pytest.raises(ConfigError, match="Azure"):
        transports.connector(endpoint, endpoint.connector())
    assert transports.connector(endpoint, endpoint.connector(), "kernel").describe()


def test_browser_transport_refuses_subprotocols_that_a_page_would_not_offer() -> None:
    transports = _transports()
    endpoint = Endpoint(name="url", label="Gateway", url="wss://gateway.example/v1", subprotocols=["hub.v1"])
    with pytest.raises(ConfigError, match="subprotocols"):
        transports.connector(endpoint, endpoint.connector())
