"""How a key becomes a header, and how an echoed configuration hides its credentials.

Owns these. Must not know which server a key is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from realtime_nb.keys.secret import Headers, Secret
from realtime_nb.redact import HIDDEN


def bearer(key: Secret) -> Headers:
    """Return the header `Authorization: Bearer ...`."""
    return Headers({"Authorization": f"Bearer {key.reveal()}"})


def without_credentials(session: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an echoed configuration without the credentials of MCP servers."""
    tools = session.get("tools")
    if not isinstance(tools, list) or not any("authorization" in tool or "headers" in tool for tool in tools):
        return session
    hidden = [
        {
            **tool,
            **({"authorization": HIDDEN} if tool.get("authorization") else {}),
            **({"headers": dict.fromkeys(tool["headers"], HIDDEN)} if tool.get("headers") else {}),
        }
        for tool in tools
    ]
    return {**session, "tools": hidden}
