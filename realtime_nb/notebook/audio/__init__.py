"""Sound between the page and the session: the microphone's queue and the page's speaker."""
