"""The practice backend's server: one port for HTTP and websockets, and who may use it."""
