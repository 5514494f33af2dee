"""The practice backend's server: one port for HTTP and websockets, with access control."""
