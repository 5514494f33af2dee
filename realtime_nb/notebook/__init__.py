"""The notebook's side: one event-loop thread, the comm, and the bridge from a session to a widget."""
