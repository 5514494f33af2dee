"""The notebook's side: the event-loop thread, the comm and its pages, and what connects a session to a widget."""
