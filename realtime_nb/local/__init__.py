"""The local backend: a Realtime server on this machine, with a voice made of rules or of local models.

`LocalServer` starts it in a process of its own. Importing this package imports neither the server nor the voice.
"""

from realtime_nb.local.process import LocalServer as LocalServer

__all__ = ["LocalServer"]
