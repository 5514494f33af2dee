"""Turn an exception of a socket or a handshake into a `ConnectError` that says what to do.

Owns the error texts of a connection that could not be opened. Must not know events, and must not let a key into a
message.
"""

from __future__ import annotations

import errno
import json
import re
import socket
import ssl
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    InvalidProxy,
    InvalidStatus,
    InvalidURI,
    ProxyError,
)

from realtime_nb.client.transport.retry_after import header_wait_s, said_wait_s
from realtime_nb.errors import ConnectError
from realtime_nb.redact import Secrets, redact, safe_url

_REFUSED = frozenset({errno.ECONNREFUSED, 10061, 1225})
"""ECONNREFUSED (111 on Linux, 61 on macOS), and its two names on Windows: of a socket, and of an overlapped call."""
_NUMBER = re.compile(r"\[(?:Errno|WinError) (\d+)\]")
_REDIRECTS = frozenset({300, 301, 302, 303, 307, 308})


def refusal(
    error: BaseException, url: str, secrets: Secrets | None = None, *, proxy: str | None = None
) -> ConnectError:
    """Return the `ConnectError` for an exception raised while `url` was being opened.

    Args:
        error: the exception of websockets, ssl or the socket.
        url: the address that was tried.
        secrets: values that must not appear in the message, even where the server echoes them.
        proxy: host and port of the proxy on the way, if there is one.
    """
    secrets = secrets or Secrets()
    where = urlsplit(url).netloc.rpartition("@")[2] or safe_url(url)
    if isinstance(error, ImportError):
        return ConnectError(
            f"the way to {where} leads through a SOCKS proxy ({proxy}), which needs python-socks: "
            "`pip install 'python-socks[asyncio]'`, or pass proxy=None to connect directly.",
            retryable=False,
        )
    if proxy and isinstance(error, OSError) and not isinstance(error, ssl.SSLError | TimeoutError):
        return ConnectError(
            f"the proxy {proxy} on the way to {where} could not be reached: {redact(str(error), secrets)}. Check "
            "HTTPS_PROXY and NO_PROXY, or pass proxy=None to connect directly."
        )
    if isinstance(error, ProxyError | InvalidProxy):
        return ConnectError(
            f"the proxy between here and {where} refused: {redact(str(error), secrets)}. Check HTTPS_PROXY and "
            "NO_PROXY, or pass proxy=None to connect directly.",
            retryable=False,
        )
    if isinstance(error, InvalidStatus):
        return _status_refusal(error, url, where, secrets)
    if isinstance(error, InvalidURI):
        return ConnectError(
            f"{safe_url(url)!r} is not a websocket address; use ws://HOST:PORT/... or wss://...", retryable=False
        )
    if isinstance(error, ssl.SSLError):
        return _tls_refusal(error, where)
    if isinstance(error, TimeoutError):
        return ConnectError(
            f"{where} did not answer in time. Check the network, a firewall or proxy in between, and try again."
        )
    if isinstance(error, socket.gaierror):
        return ConnectError(
            f"the name {urlsplit(url).hostname!r} could not be resolved ({error.strerror}). Check the address, and "
            "that this machine has a network and a DNS server."
        )
    if is_refused(error):
        return ConnectError(
            f"{where} refused the connection: nothing listens there. Start the server, or check host and port."
        )
    if isinstance(error, InvalidMessage | ConnectionClosed | EOFError | ConnectionResetError | BrokenPipeError):
        return ConnectError(
            f"{where} did not answer as a websocket server: it closed the connection, or sent something else, before "
            "the handshake ended. Check scheme (ws or wss), host, port and path."
        )
    if isinstance(error, InvalidHandshake):
        return ConnectError(
            f"{where} answered, but not as a websocket server ({redact(str(error), secrets)}). Check the path of the "
            "address.",
            retryable=False,
        )
    if isinstance(error, OSError):
        return ConnectError(
            f"no connection to {where}: {redact(str(error), secrets)}. Check the network and the address."
        )
    return ConnectError(f"no connection to {where}: {type(error).__name__}: {redact(str(error), secrets)}")


def is_refused(error: BaseException) -> bool:
    """Whether a host was reached and nothing listens at the port, on any operating system.

    asyncio joins the failures of several addresses (::1 and 127.0.0.1) into one plain OSError, whose text alone has
    their numbers. One refusal is enough: the other address may not be reachable at all.
    """
    if isinstance(error, BaseExceptionGroup):
        return any(is_refused(inner) for inner in error.exceptions)
    if not isinstance(error, OSError):
        return False
    if isinstance(error, ConnectionRefusedError) or {error.errno, getattr(error, "winerror", None)} & _REFUSED:
        return True
    return error.errno is None and any(int(number) in _REFUSED for number in _NUMBER.findall(str(error)))


def _tls_refusal(error: ssl.SSLError, where: str) -> ConnectError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return ConnectError(
            f"the TLS certificate of {where} could not be verified ({error.verify_message}). If a company proxy or a "
            "private authority signs it, set SSL_CERT_FILE to its certificate; on python.org's macOS builds run "
            "'Install Certificates.command'.",
            retryable=False,
        )
    return ConnectError(
        f"TLS with {where} failed ({error.reason or 'protocol error'}). If the server speaks plain websockets, use "
        "ws:// instead of wss://.",
        retryable=False,
    )


def _status_refusal(error: InvalidStatus, url: str, where: str, secrets: Secrets) -> ConnectError:
    response = error.response
    status = response.status_code
    said = _server_message(response.body, secrets)
    model = (parse_qs(urlsplit(url).query).get("model") or [""])[0]

    def made(what: str, *, retryable: bool = False) -> ConnectError:
        wait_s = header_wait_s(next(iter(response.headers.get_all("Retry-After")), None)) if retryable else None
        if retryable and wait_s is None:
            wait_s = said_wait_s(said)
        return ConnectError(
            f"{where} answered {status}: {what}{said}", status=status, retryable=retryable, retry_after_s=wait_s
        )

    if status in _REDIRECTS:
        target = redact(safe_url(response.headers.get("Location", "")), secrets) or "another address"
        return made(
            f"it redirects to {target}. Redirects are not followed, since that would hand the key on; use that "
            "address itself."
        )
    if status == 401 and any(secret.startswith("ek_") for secret in secrets):
        return made(
            "the client secret has expired, or is of another server. It opens sessions until its expires_at; make a "
            "new one with rt.create_client_secret()."
        )
    if status == 401:
        return made("the API key is missing, wrong or expired. Set OPENAI_API_KEY, or pass api_key=.")
    if status == 403:
        return made(
            "the key is not allowed to do this, here or with this model. Check project, region and permissions."
        )
    if status == 404:
        named = f"the model {model!r} or the path is unknown there" if model else "the path is unknown there"
        return made(f"{named}. Pass model=, or check the address (it usually ends in /v1/realtime).")
    if status == 429:
        return made("too many requests, or the quota is used up. Wait, or check the plan.", retryable=True)
    if status >= 500:
        return made("the server failed. Try again in a moment.", retryable=True)
    if 200 <= status < 300:
        return made(
            "that is a web page, not a websocket. Check the path of the address (it usually ends in /v1/realtime)."
        )
    return made("it refused the websocket.")


def _server_message(body: bytes | bytearray | None, secrets: Secrets) -> str:
    """Return the message of a JSON error body, shortened and without keys; empty where there is none."""
    try:
        error = json.loads(bytes(body or b""))["error"]
        message = error["message"] if isinstance(error, dict) else error
    except (ValueError, KeyError, TypeError):
        return ""
    return f" It says: {redact(str(message), secrets)[:300]}"
