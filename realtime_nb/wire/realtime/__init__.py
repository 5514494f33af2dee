"""The OpenAI Realtime API (GA) as typed events. Sans-IO: bytes in, events out.

Owns the types of every event, item and configuration, and their codec. Must not know asyncio, sockets or traitlets.
"""

from realtime_nb.wire.realtime.client_events import *  # noqa: F403
from realtime_nb.wire.realtime.codec import *  # noqa: F403
from realtime_nb.wire.realtime.items import *  # noqa: F403
from realtime_nb.wire.realtime.known_names import MODELS as MODELS
from realtime_nb.wire.realtime.known_names import VOICES as VOICES
from realtime_nb.wire.realtime.known_names import unknown_model as unknown_model
from realtime_nb.wire.realtime.known_names import unknown_voice as unknown_voice
from realtime_nb.wire.realtime.response import *  # noqa: F403
from realtime_nb.wire.realtime.server_events import *  # noqa: F403
from realtime_nb.wire.realtime.session import *  # noqa: F403
from realtime_nb.wire.realtime.validate import Problem as Problem
from realtime_nb.wire.realtime.validate import check as check
from realtime_nb.wire.realtime.validate import nearest as nearest
