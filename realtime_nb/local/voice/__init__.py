"""The voice of the practice backend: detector, recogniser, responder and synthesiser."""
