"""Say recorded user turns to a server as a microphone would, and record what came back, each event with its time."""
