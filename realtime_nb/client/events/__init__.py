"""Client events out and server events in: checking, sending, matching answers to requests, and calling handlers."""
