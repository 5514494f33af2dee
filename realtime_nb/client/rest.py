"""Requests to the REST side of a Realtime server: client secrets, and calls by telephone.

Owns the address behind a websocket address, the request, and what its refusal says. Must not know what is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from realtime_nb.errors import ConnectError
from realtime_nb.keys.secret import Headers
from realtime_nb.loopback import is_loopback
from realtime_nb.redact import redact, safe_url, secrets_of

_HINTS = {
    401: "The key is missing, wrong or expired: set OPENAI_API_KEY, or pass api_key=.",
    403: "The key may not do this: check project and permissions.",
}


async def post(
    url: str, path: str, headers: Headers, body: Mapping[str, Any] | None, *, not_found: str
) -> tuple[str, Any]:
    """Send a POST request to the server of the websocket address `url`.

    Args:
        url: `ws://` or `wss://`; its query is left out.
        path: below the address, such as `client_secrets`.
        headers: with the credentials.
        body: sent as JSON; None sends none.
        not_found: what a 404 means here.

    Returns:
        The address without credentials, for messages, and the decoded answer; None where it is no JSON.

    Raises:
        ConnectError: no answer, or a refusal; says the server's words without any key.
    """
    import httpx  # imported for the request: it takes longer to import than this package

    address = _address(url, path)
    try:
        # `trust_env`: a proxy of the environment, but never on the way to this machine.
        async with httpx.AsyncClient(
            timeout=15, follow_redirects=False, trust_env=not is_loopback(urlsplit(url).hostname or "")
        ) as client:
            answer = await client.post(address, json=body, auth=headers.add_to)
    except httpx.HTTPError as error:
        # Raised below: its context would keep the request, and so the key.
        failed = ConnectError(
            f"no answer from {safe_url(address)}: {redact(str(error), secrets_of(headers)) or type(error).__name__}. "
            "Check the network and the address."
        )
    else:
        if not 200 <= answer.status_code < 300:
            said = redact(answer.text, secrets_of(headers))[:300]
            todo = {**_HINTS, 404: not_found}.get(answer.status_code, "")
            raise ConnectError(
                f"{safe_url(address)} answered {answer.status_code}. {todo} It says: {said}",
                status=answer.status_code,
                retryable=answer.status_code >= 500,
            )
        try:
            return safe_url(address), answer.json()
        except ValueError:
            return safe_url(address), None
    raise failed


def _address(url: str, path: str) -> str:
    parts = urlsplit(url)
    scheme = "https" if parts.scheme == "wss" else "http"
    return urlunsplit((scheme, parts.netloc.rpartition("@")[2], f"{parts.path.rstrip('/')}/{path}", "", ""))
