"""`rt.calls`: accept, reject, refer and hang up calls by telephone (SIP), as the official SDKs name them.

Owns the four REST requests. A call is announced by the service's webhook `realtime.call.incoming`, which names its
`call_id`; `rt.connect(call_id=...)` then follows the call's session. Must not know sockets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from realtime_nb.backends import resolve
from realtime_nb.client.rest import post
from realtime_nb.errors import ConfigError
from realtime_nb.keys.secret import ApiKey, concealed, concealed_by_mistake
from realtime_nb.wire.realtime import AnySessionConfig, RealtimeSessionConfig, check, nearest
from realtime_nb.wire.realtime.validate import field_names

if TYPE_CHECKING:
    from realtime_nb.backends import Backend

_FIELDS = frozenset({"type", *field_names(RealtimeSessionConfig)})

__all__ = ["accept", "hangup", "refer", "reject"]


async def accept(
    call_id: str,
    session: Mapping[str, Any] | msgspec.Struct | None = None,
    *,
    backend: str | Backend = "openai",
    api_key: ApiKey | None = None,
    **fields: Any,
) -> None:
    """Accept an incoming call, with the configuration of its session.

    Args:
        call_id: from the webhook `realtime.call.incoming`.
        session: the configuration as a dict or a struct; or name its fields as keywords.
        backend: as `rt.connect` takes it.
        api_key: instead of the environment's.
        **fields: such as `model=`, `instructions=`, `audio={...}`.

    Raises:
        ConfigError: a bad field, with the nearest known name. ConnectError: no answer, or a refusal.
    """
    call_id, api_key = concealed_by_mistake(call_id), concealed(api_key)
    unknown = next((name for name in fields if name not in _FIELDS), None)
    if unknown is not None:  # with no variable that holds its value: it may be a key (`api_kee=...`)
        fields = {}
        raise ConfigError(f"accept() has no option {unknown!r}.{nearest(unknown, sorted({*_FIELDS, 'api_key'}))}")
    given = msgspec.to_builtins(session) if session is not None else {}
    if not isinstance(given, dict):
        raise ConfigError(f"session={session!r} must be a dict or a struct with the configuration, or None")
    body = {"type": "realtime", **given, **msgspec.to_builtins(fields)}
    problem = check(body, AnySessionConfig, path="session")
    if problem is not None:
        raise ConfigError(problem.message)
    await _request(call_id, "accept", body, backend, api_key)


async def reject(
    call_id: str, *, status_code: int | None = None, backend: str | Backend = "openai", api_key: ApiKey | None = None
) -> None:
    """Decline an incoming call.

    Args:
        call_id: from the webhook `realtime.call.incoming`.
        status_code: the SIP status for the caller, such as 486 (busy); the service's own (603) when None.
        backend: as `accept` takes it.
        api_key: as `accept` takes it.

    Raises:
        ConfigError: no SIP status. ConnectError: no answer, or a refusal.
    """
    call_id, api_key = concealed_by_mistake(call_id), concealed(api_key)
    is_status = isinstance(status_code, int) and not isinstance(status_code, bool) and 300 <= status_code <= 699
    if status_code is not None and not is_status:
        raise ConfigError(f"status_code={status_code!r} must be a SIP status from 300 to 699, such as 486 or 603")
    await _request(call_id, "reject", {} if status_code is None else {"status_code": status_code}, backend, api_key)


async def refer(
    call_id: str, *, target_uri: str, backend: str | Backend = "openai", api_key: ApiKey | None = None
) -> None:
    """Hand a call over to another number.

    Args:
        call_id: of a call that was accepted.
        target_uri: where it goes: `tel:+14155550123` or `sip:agent@example.com`.
        backend: as `accept` takes it.
        api_key: as `accept` takes it.

    Raises:
        ConfigError: no such address. ConnectError: no answer, or a refusal.
    """
    call_id, api_key = concealed_by_mistake(call_id), concealed(api_key)
    if not isinstance(target_uri, str) or not target_uri.startswith(("tel:", "sip:", "sips:")):
        raise ConfigError(f"target_uri={target_uri!r} must begin with tel:, sip: or sips:")
    await _request(call_id, "refer", {"target_uri": target_uri}, backend, api_key)


async def hangup(call_id: str, *, backend: str | Backend = "openai", api_key: ApiKey | None = None) -> None:
    """End a call.

    Args:
        call_id: of a call that was accepted; also one that a page has opened over WebRTC.
        backend: as `accept` takes it.
        api_key: as `accept` takes it.

    Raises:
        ConnectError: no answer, or a refusal.
    """
    call_id, api_key = concealed_by_mistake(call_id), concealed(api_key)
    await _request(call_id, "hangup", None, backend, api_key)


async def _request(
    call_id: str, verb: str, body: Mapping[str, Any] | None, backend: str | Backend, api_key: ApiKey | None
) -> None:
    if not isinstance(call_id, str) or not call_id.strip():
        raise ConfigError(f"call_id={call_id!r} must be the id of a call, such as 'rtc_...'")
    endpoint = await asyncio.to_thread(resolve, backend, None, concealed(api_key))
    await post(
        endpoint.url,
        f"calls/{quote(call_id, safe='')}/{verb}",
        await endpoint.all_headers(),
        body,
        not_found=f"There is no call {call_id!r}, or it has ended.",
    )
