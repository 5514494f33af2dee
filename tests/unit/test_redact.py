"""Keys are hidden in texts, headers and URLs."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_nb.client.transport.connector import WebSocketConnector
from realtime_nb.keys.secret import Secret
from realtime_nb.redact import hide_held, redact, redacted_headers, safe_url, secrets_of

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


def test_held_secrets_are_hidden_whole_and_the_rest_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "of-the-environment\n")
    Secret("abcdefgh12345")
    Secret("abcdefgh12345-longer-tail")
    assert hide_held("a of-the-environment abcdefgh12345-longer-tail, abcdefgh12345.") == "a *** ***, ***."
    assert hide_held("?k=abcdefgh12345%2Dlonger-tail&n=%41") == "?k=***&n=%41"
    untouched = 'sk-like-a-key-but-not-ours 100% C:\\users \\u00e9 \\"quoted\\" &amp; &#8364;'
    assert hide_held(untouched) == untouched


@given(st.text(alphabet='ab\\"u0071%&#;x/-', max_size=60), st.integers(0, 60))
def test_a_secret_is_hidden_and_its_surroundings_stay(around: str, place: int) -> None:
    place = min(place, len(around))
    text = f"{around[:place]} SECRET-zzz/9 {around[place:]}"
    assert redact(text, ["SECRET-zzz/9"]) == f"{around[:place]} *** {around[place:]}"


@given(st.text(alphabet=string.ascii_letters + string.digits + "-_/+=.", min_size=8, max_size=40), st.data())
def test_a_secret_is_hidden_whichever_of_its_characters_are_escaped(secret: str, data: st.DataObject) -> None:
    forms = ("{0}", "\\u{1:04x}", "\\\\u{1:04X}", "\\x{1:02x}", "%{1:02X}", "%25{1:02x}", "&#{1};", "&#x{1:x};")
    written = "".join(data.draw(st.sampled_from(forms)).format(letter, ord(letter)) for letter in secret)
    assert redact(f'{{"a": "{written}"}}', [secret]) == '{"a": "***"}'


def test_keys_of_other_services_and_web_tokens_are_known_by_their_form() -> None:
    for key in (
        "xai-0123456789abcdef",
        "gsk_0123456789abcdef",
        "AIza0123456789abcdef",
        "eyJhbGciOiJI.eyJzdWIiOiIx.sig-1",
    ):
        assert redact(f"no {key}!") == "no ***!"
    assert redact("a task-force at risk-free disk_usage, hf_hub") == "a task-force at risk-free disk_usage, hf_hub"
