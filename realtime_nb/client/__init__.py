"""The client: transports, the connection, the session."""
