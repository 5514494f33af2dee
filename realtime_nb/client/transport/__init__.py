"""The transport protocol, its websocket implementation, and the meaning of its errors and close codes."""
