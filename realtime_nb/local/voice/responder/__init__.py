"""What the practice voice answers: rules, no model. The same conversation gives the same reply."""

from __future__ import annotations

from realtime_nb.local.voice.responder.order import RuleResponder

__all__ = ["RuleResponder"]
