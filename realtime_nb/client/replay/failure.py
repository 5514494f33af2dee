"""Why a replayed session ended early, and whether it is worth repeating.

Owns the words, and what they say about another attempt. Must not know sessions.
"""

from __future__ import annotations

import builtins

from realtime_nb.client.reconnect.policy import is_worth_retrying
from realtime_nb.client.transport.retry_after import is_rate_limit, said_wait_s
from realtime_nb.errors import ServerError
from realtime_nb.redact import redact
from realtime_nb.wire.realtime import Response


class ReplayFailure(Exception):  # noqa: N818 - it ends a session, and is never raised outside
    """Why a session ended early.

    Attributes:
        error: in words, without keys.
        retryable: whether the same session may succeed when it is repeated.
        retry_after_s: how long the server asked to wait before that, or None.
        too_fast: whether the server refused because requests came too fast.
        timed_out: whether the limit of time ended it.
        by_budget: whether the money did not suffice for more; the answer that runs may end.
    """

    def __init__(
        self,
        error: str,
        *,
        retryable: bool = False,
        retry_after_s: float | None = None,
        too_fast: bool = False,
        timed_out: bool = False,
        by_budget: bool = False,
    ) -> None:
        super().__init__(error)
        self.error = error
        self.retryable = retryable or too_fast
        self.retry_after_s = retry_after_s
        self.too_fast = too_fast
        self.timed_out = timed_out
        self.by_budget = by_budget

    @classmethod
    def of(cls, error: BaseException) -> ReplayFailure:
        """Return the failure for an exception."""
        if isinstance(error, ReplayFailure):
            return error
        words = redact(str(error)) or type(error).__name__
        if isinstance(error, ServerError):
            too_fast = is_rate_limit(error.code)
            code = f" ({error.code})" if error.code and error.code not in words else ""
            return cls(f"{words}{code}", too_fast=too_fast, retry_after_s=said_wait_s(words) if too_fast else None)
        if isinstance(error, builtins.TimeoutError):
            return cls(words, retryable=True)
        wait_s = getattr(error, "retry_after_s", None)
        return cls(words, retryable=is_worth_retrying(error), retry_after_s=wait_s)

    @classmethod
    def of_response(cls, response: Response) -> ReplayFailure:
        """Return the failure for a response that ended as `failed`."""
        error = response.status_details.error if response.status_details is not None else None
        code, kind, message = (error.code, error.type, error.message) if error is not None else (None, None, None)
        words = redact(": ".join(part for part in (code, message) if part)) or "the server gave no reason"
        too_fast = is_rate_limit(code, kind)
        wait_s = said_wait_s(message) if too_fast else None
        return cls(f"the response failed: {words}", too_fast=too_fast, retry_after_s=wait_s)
