"""Speech detection: which moments of a stream are speech."""
