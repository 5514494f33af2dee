"""What a trial may cost at most, and what it will probably cost, from prices and settings alone.

Owns both estimates and their assumptions. Must not know budgets, or how a trial is run.

The bound holds whatever the model says, as long as the runner keeps `limit_s` and the number of responses: each
response is billed for everything before it, and for at most `max_output_tokens` of its own. It is for the longest
session that the limits allow, which is many times what most sessions cost: so a sweep reserves what a session needs to
begin, and the session asks before it may cost more (`client/replay/allowance.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from realtime_nb.client.replay.allowance import SessionUse, first_use, seconds_of
from realtime_nb.client.replay.options import ReplayOptions
from realtime_nb.client.replay.pauses import pauses, turn_ends
from realtime_nb.client.replay.scenario import BargeIn, Scenario
from realtime_nb.client.utterance import Utterance
from realtime_nb.client.variant import Variant
from realtime_nb.conversation.prices import Billing, Prices, response_cost_usd, transcription_cost_usd
from realtime_nb.conversation.usage import Usage, from_response, is_reported
from realtime_nb.tools import Tool
from realtime_nb.tools.stub import stubbed_answer
from realtime_nb.wire.realtime import ResponseUsage

OUTPUT_TOKENS_WITH_BUDGET = 400
"""`max_output_tokens` of a variant that gives none, where there is a budget: about 16 s of speech."""

# 1 token is 100 ms of input and 50 ms of output: https://developers.openai.com/api/docs/guides/realtime-costs
_AUDIO_IN_PER_S = 10
_EXPECTED_SPEECH_TOKENS = 150
_EXPECTED_TEXT_TOKENS = 60
_SHORT_SPEECH_TOKENS = 50
_SHORT_TEXT_TOKENS = 15
_EXPECTED_CHARS_A_TOKEN = 4
_EXPECTED_ANSWER_S = 2.5
_EXPECTED_OPENING_S = 0.5
_OVERHEAD_TOKENS = 500  # the service's own instructions, and the frame of each item
_IMAGE_TOKENS = 3_000
_CALL_TOKENS = 20  # a call has a name, an id and arguments: at least so many
_TOOL_RESULT_TOKENS = 4_000
_TRANSCRIPT_TOKENS_PER_S = 10

ASSUMPTIONS = (
    f"an answer has {_EXPECTED_SPEECH_TOKENS} tokens (6 s of speech), or {_EXPECTED_TEXT_TOKENS} where it is text, and "
    f"is there {_EXPECTED_ANSWER_S:g} s after the question; a turn has one response, or two with tools; "
    f"{_EXPECTED_CHARS_A_TOKEN} characters are a token; nothing is cached"
)


@dataclass(frozen=True)
class CostBound:
    """What a session can cost at most, by what it has used.

    Attributes:
        prices: of the model.
        text: tokens of text that every response reads.
        images: tokens of pictures that every response reads.
        output: the most tokens of one answer.
        tool_results: the most tokens of the results of one response's calls.
        spoken: whether answers are sound.
        transcription: the model that transcribes the user, or None.
    """

    prices: Prices
    text: float
    images: float
    output: int
    tool_results: int
    spoken: bool
    transcription: str | None

    def usd(self, use: SessionUse) -> float:
        """Return what a session has cost and can cost: its known usage, and the responses that may still come."""
        known = [cost for cost in map(self._of, use.done) if cost is not None]
        unknown = len(use.done) - len(known)
        responses = _cost(
            self.prices,
            responses=unknown + use.open,
            text=self.text,
            audio=use.heard_s * _AUDIO_IN_PER_S,
            images=self.images,
            output=self.output,
            tool_results=self.tool_results,
            spoken=self.spoken,
            before=len(known),
            written=sum(tokens for _, tokens in known),
        )
        spent = math.fsum(usd for usd, _ in known)
        return spent + responses + _transcripts(use.heard_s, self.transcription, self.prices)

    def _of(self, usage: ResponseUsage | None) -> tuple[float, int] | None:
        """Return the cost of a response that has ended, with the tokens that it wrote; None where it is not known."""
        if usage is None or not is_reported(usage):
            return None
        read = from_response(usage)
        cost = response_cost_usd(read, self.prices)
        return None if cost is None else (cost, read.output_tokens)


@dataclass(frozen=True)
class TrialEstimate:
    """What one trial takes.

    Attributes:
        expected_usd: probably; None where a price is unknown.
        bound_usd: at most; None where a price is unknown, or where nothing limits the length of an answer.
        expected_s: probably, in seconds.
        bound_s: at most, in seconds.
        max_responses: how many responses the runner allows; it ends a session in which the server begins another one
            by itself, which the bound counts, too.
        unknown: which price is missing, in words, or None.
        short_usd: probably, where answers are as short as a sentence; None as `expected_usd`.
        bound: computes what a session can cost at any time; None as `bound_usd`.
        first_usd: what a session needs to begin; None as `bound_usd`.
        likely_usd: what it needs where the server answers after each long pause of a recording; None as `bound_usd`.
    """

    expected_usd: float | None
    bound_usd: float | None
    expected_s: float
    bound_s: float
    max_responses: int
    unknown: str | None = None
    bound: CostBound | None = None
    first_usd: float | None = None
    likely_usd: float | None = None
    short_usd: float | None = None


def output_limit(variant: Variant) -> int | None:
    """Return the most tokens of one answer; None where the variant sets no number."""
    limit = variant.payload.get("max_output_tokens")
    return limit if isinstance(limit, int) and not isinstance(limit, bool) else None


def gives_output_limit(variant: Variant) -> bool:
    """Return whether a variant says how long an answer may be, `"inf"` included."""
    return "max_output_tokens" in variant.settings or "max_output_tokens" in (variant.session or {})


def estimate(said: Utterance | Scenario, variant: Variant, billing: Billing, options: ReplayOptions) -> TrialEstimate:
    """Return what a trial costs and how long it takes, probably and at most."""
    turns = _turns(said)
    responses = max_responses(said, variant, options)
    rounds = 2 if variant.whole["tools"] else 1
    seconds = sum(seconds_of(turn) for turn in turns)
    expected_s = _EXPECTED_OPENING_S + sum(seconds_of(turn) + _EXPECTED_ANSWER_S * rounds for turn in turns)
    bound_s = options.open_timeout_s + options.limit_s * len(turns)
    prices = billing.prices_of(billing.model)
    unknown = _unknown(turns, variant, prices, billing)
    if prices is None or unknown is not None:
        return TrialEstimate(None, None, expected_s, bound_s, responses, unknown)
    # The microphone goes on with silence until the answer is done; the server may commit all of it.
    heard_s = options.limit_s * len(turns) if options.pacing == "realtime" else seconds
    if not any(turn.samples is not None for turn in turns):
        heard_s = 0.0
    spoken = variant.whole["output"] == "audio"
    text = _text_of(turns, variant)
    images = sum(len(turn.images) for turn in turns) * _IMAGE_TOKENS
    limit = output_limit(variant)
    lengths = (_EXPECTED_SPEECH_TOKENS, _SHORT_SPEECH_TOKENS) if spoken else (_EXPECTED_TEXT_TOKENS, _SHORT_TEXT_TOKENS)
    expected, short = (
        _cost(
            prices,
            responses=rounds * len(turns),
            text=len(text) / _EXPECTED_CHARS_A_TOKEN,
            audio=seconds * _AUDIO_IN_PER_S,
            images=images / 3,
            output=min(answer, limit or answer),
            tool_results=_EXPECTED_TEXT_TOKENS if rounds > 1 else 0,
            spoken=spoken,
        )
        + _transcripts(seconds, _transcription_model(variant), prices)
        for answer in lengths
    )
    if limit is None:
        limit = 0 if _is_free(prices) else None
    if limit is None:
        return TrialEstimate(expected, None, expected_s, bound_s, responses, short_usd=short)
    automatic = _answers_by_itself(turns, variant, options)
    bound = CostBound(
        prices=prices,
        text=len(text.encode()) + _OVERHEAD_TOKENS,  # a token is at least a byte
        images=images,
        output=limit,
        tool_results=_tool_results(variant, limit),
        spoken=spoken,
        transcription=_transcription_model(variant),
    )
    first = first_use(turns, automatic=automatic, tools=bool(variant.whole["tools"]))
    likely = replace(first, open=first.open + (_likely_ends(turns, variant) if automatic else 0))
    # The session ends when the server begins one response too many, and that one is billed.
    most = SessionUse(open=responses + automatic, heard_s=max(heard_s, first.heard_s))
    return TrialEstimate(
        expected,
        max(bound.usd(most), bound.usd(first)),
        expected_s,
        bound_s,
        responses,
        bound=bound,
        first_usd=bound.usd(first),
        likely_usd=bound.usd(likely),
        short_usd=short,
    )


def max_responses(said: Utterance | Scenario, variant: Variant, options: ReplayOptions) -> int:
    """Return how many responses a session needs at most.

    Turn detection may end a turn in each pause of the recording, and each part is answered. With tools, the number is
    the option's.
    """
    turns = _turns(said)
    if variant.whole["tools"]:
        return max(options.max_responses, len(turns))
    if not _answers_by_itself(turns, variant, options):
        return len(turns)
    parts = sum(pauses(turn) + 1 for turn in turns if turn.samples is not None)
    typed = sum(turn.samples is None for turn in turns)
    # One more where a recording has no pause: a turn that is cut off within a word is a finding, and no error.
    return max(len(turns), min(options.max_responses, typed + max(parts, 2)))


def _answers_by_itself(turns: Sequence[Utterance], variant: Variant, options: ReplayOptions) -> bool:
    """Return whether the server begins answers without a request: it detects the turns of sound."""
    detection = variant.payload["audio"]["input"].get("turn_detection")
    return options.pacing == "realtime" and detection is not None and any(turn.samples is not None for turn in turns)


def has_sound(said: Utterance | Scenario) -> bool:
    """Return whether a user turn is a recording, and not typed."""
    return any(turn.samples is not None for turn in _turns(said))


def _turns(said: Utterance | Scenario) -> list[Utterance]:
    given: Sequence[object] = said.turns if isinstance(said, Scenario) else [said]
    found = [turn.utterance if isinstance(turn, BargeIn) else turn for turn in given]
    return [turn for turn in found if isinstance(turn, Utterance)]


def _likely_ends(turns: Sequence[Utterance], variant: Variant) -> int:
    """Return after how many pauses within recordings the server will probably answer."""
    detection = variant.payload["audio"]["input"].get("turn_detection") or {}
    return sum(len(turn_ends(turn, detection)) for turn in turns)


def _text_of(turns: Sequence[Utterance], variant: Variant) -> str:
    payload = variant.payload
    parts = [str(payload.get("instructions") or ""), *(turn.text or "" for turn in turns)]
    if payload.get("tools"):
        parts.append(msgspec.json.encode(payload["tools"]).decode())
    return "".join(parts)


def _tool_results(variant: Variant, limit: int) -> int:
    """Return how many tokens the results of one response's calls have at most."""
    tools = [tool for tool in variant.whole["tools"] if isinstance(tool, Tool)]
    if not variant.whole["tools"]:
        return 0
    answers = [stubbed_answer(tool) for tool in tools]
    if not tools or len(tools) < len(variant.whole["tools"]) or None in answers:
        return _TOOL_RESULT_TOKENS  # what a function returns is not known before; `Budget` notices a longer one
    longest = max(len(answer.text.encode()) for answer in answers if answer is not None)
    return (longest + _CALL_TOKENS) * max(1, limit // _CALL_TOKENS)


def _cost(
    prices: Prices,
    *,
    responses: int,
    text: float,
    audio: float,
    images: float,
    output: float,
    tool_results: float,
    spoken: bool,
    before: int = 0,
    written: int = 0,
) -> float:
    """Return the cost of responses of a session, each of which reads all that was there before it.

    Args:
        prices: of the model.
        responses: how many.
        text: tokens of text that each reads.
        audio: tokens of the user's sound that each reads.
        images: tokens of pictures that each reads.
        output: tokens that each writes.
        tool_results: tokens of the results of each response's calls, which the later ones read.
        spoken: whether answers are sound.
        before: how many responses there were before.
        written: tokens that those wrote.
    """
    earlier = responses * (responses - 1) / 2
    text_in, audio_in = prices.text_in, prices.audio_in or 0.0
    out = max(prices.text_out, (prices.audio_out or 0.0) if spoken else 0.0)
    read_again = max(text_in, audio_in) if spoken else text_in
    micro_usd = (
        responses * (text * text_in + audio * audio_in + images * (prices.image_in or 0.0) + output * out)
        + earlier * (output * read_again + tool_results * text_in)
        + responses * (written * read_again + before * tool_results * text_in)
    )  # fmt: skip
    return micro_usd / 1e6


def _transcripts(seconds: float, model: str | None, prices: Prices) -> float:
    """Return the cost of transcribing so many seconds of the user."""
    if model is None or not seconds:
        return 0.0
    return max(_transcription_prices(seconds, model, prices), default=0.0)


def _transcription_prices(seconds: float, model: str, prices: Prices | None) -> list[float]:
    """Return the cost by each unit that the price of a model has."""
    tokens = Usage(
        transcription_input_tokens=math.ceil(seconds * _AUDIO_IN_PER_S),
        transcription_output_tokens=math.ceil(seconds * _TRANSCRIPT_TOKENS_PER_S),
    )
    by_unit = (transcription_cost_usd(usage, model, prices) for usage in (tokens, Usage(transcription_seconds=seconds)))
    return [cost for cost in by_unit if cost is not None]


def _transcription_model(variant: Variant) -> str | None:
    given = variant.payload["audio"]["input"].get("transcription")
    return given.get("model") if given else None


def _is_free(prices: Prices) -> bool:
    return not any(getattr(prices, name) for name in prices.__dataclass_fields__)


def _unknown(turns: Sequence[Utterance], variant: Variant, prices: Prices | None, billing: Billing) -> str | None:
    """Return which price is missing, or None."""
    if prices is None:
        return f"the price of the model {billing.model!r}" if billing.model else "the price of the model"
    spoken = any(turn.samples is not None for turn in turns)
    if prices.audio_in is None and (spoken or variant.whole["output"] == "audio"):
        return "the price of sound that is heard (audio_in)"
    if prices.audio_out is None and variant.whole["output"] == "audio":
        return "the price of sound that is spoken (audio_out)"
    if prices.image_in is None and any(turn.images for turn in turns):
        return "the price of pictures (image_in)"
    model = _transcription_model(variant)
    if spoken and model is not None and not _is_free(prices) and not _transcription_prices(1.0, model, prices):
        return f"the price of the transcription model {model!r}"
    return None
