"""`backend="azure"`: a deployment of Azure OpenAI.

Owns its variables of the environment, whose keys go to no other host.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

from realtime_nb.client.auth.credentials import bearer
from realtime_nb.errors import ConfigError
from realtime_nb.keys.address import refuse_key_in_url
from realtime_nb.keys.secret import Headers, Secret
from realtime_nb.redact import safe_url

from .address import with_session
from .backend import Key
from .endpoint import Endpoint
from .key_headers import given_key, with_key


def azure_endpoint(session: Mapping[str, str], api_key: Key | None, extra: Headers) -> Endpoint:
    """Returns the endpoint of a deployment; raises `ConfigError` without an address, a key or a model."""
    base = os.environ.get("AZURE_OPENAI_ENDPOINT", "").strip()
    # A token in the environment has priority over a key there, as in the official SDK.
    token = None if api_key else given_key(None, "AZURE_OPENAI_AD_TOKEN")
    key = token or given_key(api_key, "AZURE_OPENAI_API_KEY")
    missing = [
        name
        for name, value in (
            ("AZURE_OPENAI_ENDPOINT", base),
            ("AZURE_OPENAI_API_KEY or AZURE_OPENAI_AD_TOKEN (or api_key=)", key),
        )
        if not value
    ]
    if missing or not key:
        raise ConfigError(f"backend='azure' needs {' and '.join(missing)}")
    if not session:
        raise ConfigError("backend='azure' needs model=, the name of your deployment")
    base = base if "://" in base else f"https://{base}"
    refuse_key_in_url(base, option="AZURE_OPENAI_ENDPOINT")
    parts = urlsplit(base)
    if parts.scheme not in {"https", "wss"}:
        raise ConfigError(
            f"AZURE_OPENAI_ENDPOINT={safe_url(base)!r} must begin with https://, so that the key is not sent in the "
            "clear"
        )
    path = parts.path.rstrip("/")  # of a gateway before the service
    if not path.endswith("/realtime"):
        path = f"{path.removesuffix('/openai/v1').removesuffix('/openai')}/openai/v1/realtime"
    url = with_session(urlunsplit(("wss", parts.netloc, path, parts.query, "")), session)
    return with_key(
        key,
        bearer if token else _azure_headers,
        extra,
        name="azure",
        label=f"Azure OpenAI ({parts.hostname})",
        url=url,
    )


def _azure_headers(key: Secret) -> Headers:
    """Returns the header for a key, or for a token of Microsoft Entra, which is recognised as a JSON web token."""
    if key.reveal().startswith("eyJ") and key.reveal().count(".") == 2:
        return bearer(key)
    return Headers({"api-key": key.reveal()})
