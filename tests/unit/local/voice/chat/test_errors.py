from __future__ import annotations

import json

import pytest

from realtime_nb.local.voice.chat.errors import ChatErrors, context_limit, is_overflow, said_by

_KEY = "sk-1234567890abcdefghij"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"error": {"message": "no"}}', "no"),
        ('{"error": "no"}', "no"),
        ('{"message": "no"}', "no"),
        ('{"detail": "no"}', "no"),
        ('{"detail": [{"msg": "one"}, {"msg": "two"}]}', "one; two"),
        ('[{"error": {"message": "no"}}]', "no"),
        ("plain", "plain"),
        ("<html><title>502</title> Bad</html>", "502 Bad"),
        ('{"other": 1}', '{"other": 1}'),
        ("", ""),
    ],
)
def test_message_of_a_body(body: str, said: str) -> None:
    assert said_by(body) == said


def test_long_message_is_shortened() -> None:
    assert len(said_by("x" * 10_000)) == 300


@pytest.mark.parametrize(
    ("message", "limit"),
    [
        ("This model's maximum context length is 4096 tokens. However, you requested 5000 tokens", 4096),
        ("Requested tokens (2285) exceed context window of 2048", 2048),
        ("the request exceeds the available context size. try increasing the context size", None),
        ("prompt is too long: 250000 tokens > 200000 maximum", None),
    ],
)
def test_size_of_the_context(message: str, limit: int | None) -> None:
    body = json.dumps({"error": {"message": message}})
    assert is_overflow(400, body)
    assert context_limit(body) == limit


def test_size_of_the_context_as_a_number() -> None:
    error = {"message": "too long", "type": "exceed_context_size_error", "n_prompt_tokens": 1407, "n_ctx": 256}
    assert context_limit(json.dumps({"error": error})) == 256


@pytest.mark.parametrize("body", [f"Incorrect API key provided: {_KEY}", f'{{"error": "Bearer {_KEY}"}}'])
def test_no_message_repeats_a_key(body: str) -> None:
    errors = ChatErrors("http://user:secret-word@host.example:1/v1?key=abc", "m", has_key=True)
    for error in (
        errors.refused(401, body, sent={}),
        errors.refused(500, body, sent={}),
        errors.not_reachable(body),
        errors.broke_off(body),
        errors.sent(body),
        errors.not_chat("text/html", body),
        errors.redirected(302, f"http://user:secret-word@other.example/?key={_KEY}"),
    ):
        assert _KEY not in error.message
        assert "secret-word" not in error.message
        assert "abc" not in error.message


@pytest.mark.parametrize("begins", range(1, 310))
def test_key_where_a_message_is_cut_shows_no_part(begins: int) -> None:
    errors = ChatErrors("http://host.example/v1", "m", has_key=True)
    text = f"{'x' * begins} {_KEY} {'y' * 300}"
    body = json.dumps({"error": {"message": text}})
    for error in (
        errors.refused(401, body, sent={}),
        errors.refused(500, text, sent={}),
        errors.sent({"message": text}),
        errors.broke_off(text),
        errors.not_chat("text/plain", text),
    ):
        assert "sk-" not in error.message


@pytest.mark.parametrize("field", ["code", "type"])
@pytest.mark.parametrize("code", [_KEY, "a b", "x" * 65, "", 5, None])
def test_code_of_a_server_is_a_word_without_a_key(field: str, code: object) -> None:
    errors = ChatErrors("http://host.example/v1", "m", has_key=True)
    assert errors.sent({"message": "m", field: code}).code == "server_error"
    assert errors.sent({"message": "m", field: "rate_limit.x-1"}).code == "rate_limit.x-1"


@pytest.mark.parametrize("body", ["[" * 60_000, '{"error":' * 20_000, '{"a":' * 5_000 + "1" + "}" * 5_000])
def test_deeply_nested_body_is_an_error_of_the_server(body: str) -> None:
    errors = ChatErrors("http://host.example/v1", "m", has_key=False)
    assert "status 500" in errors.refused(500, body, sent={}).message
    assert context_limit(body) is None


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("registry.ollama.ai/library/phi3 does not support tools", "tools_not_supported"),
        ("tools param requires --jinja flag", "tools_not_supported"),
        ('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser', "tools_not_supported"),
        ("No endpoints found that support tool use", "tools_not_supported"),
        ('model "x" not found, try pulling it first', "model_not_found"),
        ("The model `x` does not exist", "model_not_found"),
        ("temperature must be below 2", "invalid_request"),
        ("Invalid value for temperature of this model", "invalid_request"),
        ("API key not valid. Please pass a valid API key.", "invalid_api_key"),
    ],
)
def test_words_of_known_servers(said: str, code: str) -> None:
    errors = ChatErrors("http://localhost:1/v1", "x", has_key=False)
    body = json.dumps({"error": {"message": said}})
    assert errors.refused(400, body, sent={"tools": [{}], "messages": []}).code == code


def test_address_without_v1_is_suggested() -> None:
    errors = ChatErrors("http://localhost:11434", "x", has_key=False)
    assert "chat_url='http://localhost:11434/v1'" in errors.refused(404, "404 page not found", sent={}).message


def test_missing_key_is_required_and_a_wrong_one_refused() -> None:
    without, wrong = (ChatErrors("http://localhost:1/v1", "x", has_key=given) for given in (False, True))
    assert "requires a key (status 401): no reason was given. Give" in without.refused(401, "", sent={}).message
    assert "refuses the key (status 401): no. Check" in wrong.refused(401, '{"error": "no"}', sent={}).message


@pytest.mark.parametrize("status", [400, 402, 404, 413, 429, 500, 503])
def test_error_without_a_body_reads_as_a_sentence(status: int) -> None:
    message = ChatErrors("http://localhost:1/v1", "x", has_key=False).refused(status, "", sent={}).message
    assert ": ." not in message
    assert "  " not in message
