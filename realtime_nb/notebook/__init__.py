"""The notebook's side: one event-loop thread, the comm, and the controller from a session to a widget."""
