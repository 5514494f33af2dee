"""Recognise hosts that are this machine: a proxy does not lead there, and only local programs and pages can call.

Owns the one rule, and the port of `realtime-nb serve`. Must not know anything else of the package.
"""

from __future__ import annotations

import ipaddress

DEFAULT_PORT = 24517
"""The port that the practice backend listens on as a server; no known speech or model server has it as its default."""


def is_loopback(host: str) -> bool:
    """Return whether a host name or address can only mean this machine; IPv6 with or without brackets."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
