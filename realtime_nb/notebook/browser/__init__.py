"""The browser transport: the page holds the websocket, the kernel sends and sees every event."""
