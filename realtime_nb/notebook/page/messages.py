"""Every message between a page and the kernel; `js/src/comm/messages.ts` declares the same messages.

Owns the shape and the limits of both directions. Must not know comms, widgets or sessions. The golden file
`tests/contract/messages.json` holds both declarations to the same messages; `hello` carries `VERSION`.

Each direction has two streams, state and sound, each with numbers of its own from 1 (`page/streams.py`). `gap` and
`lost` are about numbers, and have none: their own number is 0.

A page is not trusted: `decode_page` checks every field, length and range before any other code reads the message.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Union

import msgspec
from msgspec import Meta

from realtime_nb.notebook.page.page_settings import PageSetting
from realtime_nb.notebook.page.streams import Stream

VERSION = 1
LONGEST_FRAME_BYTES = 4800
"""The longest microphone frame that a page may send: 100 ms of PCM16 at 24 kHz (the page chooses its length)."""
PART_BYTES = 512 * 1024
"""The longest part of a websocket frame: large comm messages reset the kernel's socket (docs/notebook.md 6)."""

_Id = Annotated[str, Meta(min_length=1, max_length=512)]
_Seq = Annotated[int, Meta(ge=1, le=2**53)]
_Count = Annotated[int, Meta(ge=0, le=2**53)]
_Unit = Annotated[float, Meta(ge=0, le=1)]
_Range = Annotated[list[_Seq], Meta(min_length=2, max_length=2)]
_Ranges = Annotated[list[_Range], Meta(min_length=1, max_length=64)]
"""The first and the last number of each run of messages."""


class BadMessage(ValueError):  # noqa: N818 - a message is what is bad, as in `BadZipFile`
    """A message that the other side should not have sent; `what` names it, the text says why it was refused."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")
        self.what = what
        self.why = why


class PlaybackProgress(msgspec.Struct, kw_only=True):
    """How much of an item's sound was played, in samples at 24 kHz, by the play worklet's own counter."""

    item_id: _Id
    content_index: _Count
    played: _Count


# --- page -> kernel ---------------------------------------------------------------------------------------------


class PageMessage(msgspec.Struct, kw_only=True, tag_field="kind"):
    """A message of a page: the version of this protocol, the message's number in its stream, and the page's id."""

    stream: ClassVar[Stream] = "state"
    v: Literal[1] = 1
    seq: _Seq
    page: Annotated[str, Meta(min_length=1, max_length=64)]


class Hello(PageMessage, kw_only=True, tag="hello"):
    """A page shows the widget and asks for a snapshot."""

    version: _Count


class PageHeartbeat(PageMessage, kw_only=True, tag="heartbeat"):
    """Shows that the page is still there, since the comm does not (docs/notebook.md 36).

    `every`: seconds until the next one. `sound`: the number of the page's newest message in the sound stream. `got`:
    the kernel's sound stream has arrived up to this number; sound beyond it may be late, and is not lost.
    """

    every: Annotated[float, Meta(ge=0.01, le=60)] = 20.0
    sound: _Count = 0
    got: _Count = 0


class Gap(PageMessage, kw_only=True, tag="gap"):
    """Asks for the kernel's messages of these numbers, which did not arrive (docs/notebook.md 5)."""

    seq: Literal[0] = 0
    of: Stream
    ranges: _Ranges


class PageLost(PageMessage, kw_only=True, tag="lost"):
    """Answers the kernel's `gap`: the page does not keep these of its own messages any more."""

    seq: Literal[0] = 0
    of: Stream
    ranges: _Ranges


class Bye(PageMessage, kw_only=True, tag="bye"):
    """The page is being closed or reloaded."""


class Views(PageMessage, kw_only=True, tag="views"):
    """The page draws the card in so many places; 0 when the last of them is gone (docs/notebook.md 36)."""

    count: _Count


class LeaseClaim(PageMessage, kw_only=True, tag="lease"):
    """A gesture in the page claims sound and microphone."""

    stream: ClassVar[Stream] = "sound"


class MicOpen(PageMessage, kw_only=True, tag="mic.open"):
    """The microphone is on."""

    stream: ClassVar[Stream] = "sound"


class MicFrame(PageMessage, kw_only=True, tag="mic.frame"):
    """Microphone sound, PCM16 at 24 kHz, in the buffer; the last frame of a capture may be shorter.

    `sent`: the page has put it on its own socket already. `at`: when the page got it from the microphone, in ms of its
    own clock; a frame that comes much later was held up on its way.
    """

    stream: ClassVar[Stream] = "sound"
    frame: _Count
    level: _Unit
    sent: bool = False
    at: _Count | None = None
    pcm: bytes = b""


class MicClose(PageMessage, kw_only=True, tag="mic.close"):
    """The microphone is off after `frames` frames."""

    stream: ClassVar[Stream] = "sound"
    frames: _Count


class MicError(PageMessage, kw_only=True, tag="mic.error"):
    """The page could not open the microphone."""

    stream: ClassVar[Stream] = "sound"
    reason: Literal["denied", "missing", "busy", "insecure", "blocked", "unsupported"]
    message: Annotated[str, Meta(max_length=2000)]


class PlayState(PageMessage, kw_only=True, tag="play.state"):
    """What the page's speaker does, and how much of each item it has played."""

    epoch: _Count
    state: Literal["idle", "blocked", "playing"]
    items: Annotated[list[PlaybackProgress], Meta(max_length=64)]
    underruns: _Count


class PlayStopped(PageMessage, kw_only=True, tag="play.stopped"):
    """The page's speaker has fallen silent; this much was played."""

    epoch: _Count
    items: Annotated[list[PlaybackProgress], Meta(max_length=64)]
    cause: Literal["flush", "user", "lease", "speech"]


class SendText(PageMessage, kw_only=True, tag="send"):
    """A message that the user typed in the card; the kernel sends it as the user's turn."""

    text: Annotated[str, Meta(min_length=1, max_length=200_000)]


class Interrupt(PageMessage, kw_only=True, tag="interrupt"):
    """The user pressed "Stop speaking"; `play.stopped` came before."""


class Commit(PageMessage, kw_only=True, tag="commit"):
    """The user ended the turn by hand: push to talk was released."""

    stream: ClassVar[Stream] = "sound"


class ClipRequest(PageMessage, kw_only=True, tag="clip"):
    """The page wants to replay a turn."""

    item_id: _Id


class Keep(PageMessage, kw_only=True, tag="keep"):
    """The user keeps a turn as an utterance, or keeps it no longer."""

    item_id: _Id
    on: bool


class SettingChange(msgspec.Struct, kw_only=True):
    """A setting of the card with another value; the value is checked where the settings are."""

    name: PageSetting
    value: Any


class SideAsked(msgspec.Struct, kw_only=True):
    """One way to ask a turn again: the conversation's settings with these changes."""

    changes: Annotated[list[SettingChange], Meta(max_length=4)]


class AskAgain(PageMessage, kw_only=True, tag="ask.again"):
    """The user asks a turn again, once for each side, in sessions beside the conversation."""

    item_id: _Id
    sides: Annotated[list[SideAsked], Meta(min_length=1, max_length=4)]


class CancelAgain(PageMessage, kw_only=True, tag="ask.cancel"):
    """The user does not want the rest of an experiment any more."""

    experiment: _Id


class EventsWanted(PageMessage, kw_only=True, tag="events"):
    """The events panel was opened or closed."""

    on: bool


class Retry(PageMessage, kw_only=True, tag="retry"):
    """The user asks to connect again."""


class Reset(PageMessage, kw_only=True, tag="reset"):
    """The user asks for a new conversation."""


class Fork(PageMessage, kw_only=True, tag="fork"):
    """The user asks to go on from one of their turns in a fork, with these instructions; None: with the present."""

    item_id: _Id
    instructions: Annotated[str, Meta(max_length=100_000)] | None


class BranchClose(PageMessage, kw_only=True, tag="branch.close"):
    """The user closes the fork whose model has this id."""

    branch: Annotated[str, Meta(min_length=1, max_length=128)]


class SocketOpened(PageMessage, kw_only=True, tag="socket.opened"):
    """The page's own socket to the service is open."""

    socket: _Seq


class SocketFrame(PageMessage, kw_only=True, tag="socket.frame"):
    """A part of a frame that the page received on its socket; the part is in the buffer.

    Parts are counted from 0 over the life of the socket, so that a lost one is noticed; `last` ends a frame.
    """

    socket: _Seq
    part: _Count
    last: bool
    data: bytes = b""


class SocketClosed(PageMessage, kw_only=True, tag="socket.closed"):
    """The page's socket is closed, or could not be opened; `reason` is a sentence for the user."""

    socket: _Seq
    code: Annotated[int, Meta(ge=0, le=65_535)]
    reason: Annotated[str, Meta(max_length=500)]


SocketMessage = SocketOpened | SocketFrame | SocketClosed
_ANY_PAGE_MESSAGE: Any = Union[tuple(PageMessage.__subclasses__())]  # noqa: UP007 - the classes above, by their `kind`
# msgspec keeps what it finds out about a class, but works through a union again at every call: 37 µs instead of 0.5.
_KINDS: dict[Any, Any] = {kind.__struct_config__.tag: kind for kind in PageMessage.__subclasses__()}


def decode_page(content: Any, buffers: list[memoryview] | list[bytes] | None = None) -> PageMessage:
    """Check a page's message and return it.

    Args:
        content: the comm message, as builtins.
        buffers: its binary parts.

    Raises:
        BadMessage: anything is missing, of a wrong type, out of range, too large or unknown.
    """
    what = content.get("kind") if isinstance(content, dict) else None
    what = what if isinstance(what, str) else "message"
    kind = _KINDS.get(what)
    if kind is None:
        what, kind = _readable(what[:40]), _ANY_PAGE_MESSAGE  # which refuses it, in words
    try:
        message: PageMessage = msgspec.convert(content, kind)
    except (msgspec.ValidationError, RecursionError, UnicodeEncodeError) as error:
        raise BadMessage(what, _readable(str(error))[:200]) from None
    if not message.page.isascii():
        raise BadMessage(what, "the page's id is not ASCII")
    if isinstance(message, Gap | PageLost) and any(last < first for first, last in message.ranges):
        raise BadMessage(what, "a range ends before it begins")
    if isinstance(message, MicFrame):
        message.pcm = _buffer(what, buffers, LONGEST_FRAME_BYTES)
        if len(message.pcm) % 2:
            raise BadMessage(what, f"{len(message.pcm)} bytes of sound; expected an even number")
    elif isinstance(message, SocketFrame):
        message.data = _buffer(what, buffers, PART_BYTES)
    elif buffers:
        raise BadMessage(what, "only a frame carries a buffer")
    else:
        _check_texts(what, message)
    return message


def tag_of(message: PageMessage) -> str:
    """Return the kind of a message, as it is written on the comm."""
    return str(type(message).__struct_config__.tag)


def _readable(text: str) -> str:
    # Half of a surrogate pair has no UTF-8: the comm could not carry the refusal.
    return text.encode("utf-8", "backslashreplace").decode()


def _check_texts(what: str, message: PageMessage) -> None:
    try:
        msgspec.msgpack.encode(message)
    except UnicodeEncodeError:
        raise BadMessage(what, "a text holds half of a surrogate pair (half an emoji, most often)") from None


def _buffer(what: str, buffers: list[memoryview] | list[bytes] | None, limit: int) -> bytes:
    if not buffers or len(buffers) != 1:
        raise BadMessage(what, "a frame carries exactly one buffer")
    size = memoryview(buffers[0]).nbytes  # `bytes` in marimo, a view in Jupyter (docs/notebook.md 8)
    if not 0 < size <= limit:
        raise BadMessage(what, f"a buffer of {size} bytes; expected 1 to {limit}")
    return bytes(buffers[0])


# --- kernel -> page ---------------------------------------------------------------------------------------------


class ToolCallView(msgspec.Struct, kw_only=True):
    """A tool call, as the card shows it."""

    name: str
    arguments: str
    status: str
    output: str | None


class TurnView(msgspec.Struct, kw_only=True):
    """A turn, as the card shows it.

    `heard` counts characters of `text`; None: all of it. `kept`: whether it is one of `w.kept`.
    """

    item_id: str
    revision: int
    role: Literal["user", "assistant", "system"]
    text: str
    heard: _Count | None
    status: Literal["in_progress", "completed", "interrupted", "failed"]
    note: str | None
    has_audio: bool
    total_ms: float | None
    audio_ms: float | None
    tool_calls: list[ToolCallView]
    kept: bool


class KernelMessage(msgspec.Struct, kw_only=True, tag_field="kind"):
    """A message of the kernel: the version of this protocol, and its number in its stream, which the channel sets."""

    stream: ClassVar[Stream] = "state"
    v: Literal[1] = 1
    seq: _Count = 0


class Snapshot(KernelMessage, kw_only=True, tag="snapshot"):
    """The conversation for a page that begins; `earlier` counts the turns that were left out.

    `sound`: the number of the newest message in the sound stream, which a new page follows from there on.
    """

    to: str
    epoch: _Count
    lease: str | None
    turns: list[TurnView]
    live: list[TurnView]
    earlier: int
    sound: _Count


class TurnMessage(KernelMessage, kw_only=True, tag="turn"):
    """A turn that settled or was corrected; it stands behind the turn `after`."""

    turn: TurnView
    after: str | None


class Live(KernelMessage, kw_only=True, tag="live"):
    """A turn in progress; it stands behind the turn `after`."""

    turn: TurnView
    after: str | None


class LiveDelta(KernelMessage, kw_only=True, tag="live.delta"):
    """More text of a turn in progress."""

    item_id: str
    text: str


class Gone(KernelMessage, kw_only=True, tag="gone"):
    """Removes a turn."""

    item_id: str


class AudioMessage(KernelMessage, kw_only=True, tag="audio"):
    """Sound to play: PCM16 at 24 kHz in the buffer; `start` is its first sample's place in the item."""

    stream: ClassVar[Stream] = "sound"
    epoch: _Count
    item_id: str
    content_index: _Count
    start: _Count


class AudioDoneMessage(KernelMessage, kw_only=True, tag="audio.done"):
    """An item's sound is complete."""

    stream: ClassVar[Stream] = "sound"
    epoch: _Count
    item_id: str
    content_index: _Count


class Flush(KernelMessage, kw_only=True, tag="flush"):
    """Silences all sound of a lower epoch, also sound that still arrives; a page acts on it out of order."""

    epoch: _Count


class LeaseMessage(KernelMessage, kw_only=True, tag="lease"):
    """Names the page that has sound and microphone; among the sound, because a page plays only what follows it."""

    stream: ClassVar[Stream] = "sound"
    page: str | None


class MicStop(KernelMessage, kw_only=True, tag="mic.stop"):
    """Switches the microphone of every page off: its sound is not accepted any more."""


class RefusedMessage(KernelMessage, kw_only=True, tag="refused"):
    """Reports that something a page wrote was refused, and why."""

    what: str
    why: str


class HeartbeatReply(KernelMessage, kw_only=True, tag="heartbeat"):
    """Answers a page's heartbeat: the kernel is there.

    `sound`: the number of the kernel's newest message in the sound stream. `got`, `got_sound`: the page's messages in
    the state and the sound stream up to these numbers arrived, and the page need not keep them.
    """

    to: str
    sound: _Count
    got: _Count
    got_sound: _Count


class KernelGap(KernelMessage, kw_only=True, tag="gap"):
    """Asks a page for its messages of these numbers, which did not arrive."""

    seq: Literal[0] = 0
    to: str
    of: Stream
    ranges: _Ranges


class Lost(KernelMessage, kw_only=True, tag="lost"):
    """Answers a page's `gap`: the page is to go on without these messages; they are void, or not kept any more."""

    seq: Literal[0] = 0
    to: str
    of: Stream
    ranges: _Ranges


class ClipMessage(KernelMessage, kw_only=True, tag="clip"):
    """A turn's sound to replay, in the buffer."""

    to: str
    item_id: str
    rate: int


class EventMessage(KernelMessage, kw_only=True, tag="event"):
    """A wire event, for the events panel."""

    direction: Literal["client", "server"]
    type: str
    summary: str


class RetakeLatency(msgspec.Struct, kw_only=True):
    """The latencies of an answer in milliseconds; None where a step did not happen."""

    speech_end_to_committed: float | None
    committed_to_response: float | None
    response_to_first_audio: float | None
    total: float | None


class RetakeView(msgspec.Struct, kw_only=True):
    """One side of an experiment, as the card shows it; its sound is a clip of the item `id`."""

    id: str
    name: str
    changes: list[SettingChange]
    state: Literal["waiting", "asking", "done", "failed", "cancelled"]
    heard: str
    text: str
    error: str | None
    has_audio: bool
    audio_ms: float | None
    latency: RetakeLatency
    cost_usd: float | None
    tool_calls: list[ToolCallView]


class ExperimentMessage(KernelMessage, kw_only=True, tag="experiment"):
    """A user turn that was asked again, with all that is known of each side; replaces what was sent of it before."""

    experiment: str
    item_id: str | None
    label: str
    sides: list[RetakeView]


class SocketOpen(KernelMessage, kw_only=True, tag="socket.open"):
    """Tells a page to open a socket to the service, with a client secret that soon expires; never with a key."""

    to: str
    socket: _Seq
    url: Annotated[str, Meta(min_length=1, max_length=4000)]
    secret: Annotated[str, Meta(pattern=r"^ek_", max_length=4000)]

    def __repr__(self) -> str:
        return f"SocketOpen(to={self.to!r}, socket={self.socket}, secret='***')"


class SocketSend(KernelMessage, kw_only=True, tag="socket.send"):
    """A part of a frame for the page to send on its socket, in the buffer; counted and ended as `SocketFrame`."""

    to: str
    socket: _Seq
    part: _Count
    last: bool


class SocketHold(KernelMessage, kw_only=True, tag="socket.hold"):
    """Tells a page to keep its microphone off its socket, or to send it there from the capture's frame `since` on."""

    to: str
    socket: _Seq
    on: bool
    since: _Count


class SocketClose(KernelMessage, kw_only=True, tag="socket.close"):
    """Tells a page to close its socket."""

    to: str
    socket: _Seq
