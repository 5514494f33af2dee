"""How frames travel: the transport protocol, its websocket implementation, and what its errors and closes mean."""
