"""Keys are hidden in texts, headers and URLs."""

from __future__ import annotations

from realtime_nb.client.transport.connector import WebSocketConnector
from realtime_nb.redact import redact, redacted_headers, safe_url, secrets_of

KEY = "sk-proj-SENTINEL0123456789"


def test_keys_are_hidden_anywhere_in_a_text() -> None:
    text = f"Incorrect API key provided: {KEY}. header 'Bearer abc.def', secret ek_68af0123"
    assert redact(text) == "Incorrect API key provided: ***. header 'Bearer ***', secret ***"


def test_known_secrets_of_any_shape_are_hidden() -> None:
    headers = {"api-key": "plain-azure-key", "Authorization": "Bearer unusual/key"}
    assert redact("got plain-azure-key and unusual/key", secrets_of(headers)) == "got *** and ***"


def test_header_values_are_hidden() -> None:
    assert redacted_headers({"Authorization": f"Bearer {KEY}", "OpenAI-Project": "p"}) == {
        "Authorization": "***",
        "OpenAI-Project": "p",
    }


def test_urls_keep_only_the_model_of_user_and_query() -> None:
    assert safe_url(f"wss://user:{KEY}@host:1/v1/realtime?model=m&api_key={KEY}") == "wss://host:1/v1/realtime?model=m"


def test_the_repr_of_a_connector_shows_no_key() -> None:
    connector = WebSocketConnector("wss://host/v1?model=m&token=SENTINEL", {"Authorization": f"Bearer {KEY}"})
    assert "SENTINEL" not in repr(connector) + connector.describe()


def test_user_and_password_of_a_proxy_are_hidden() -> None:
    assert redact("http://me:secret@proxy:3128 is not there") == "http://***@proxy:3128 is not there"
