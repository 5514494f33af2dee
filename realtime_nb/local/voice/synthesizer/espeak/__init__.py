"""Speech from espeak-ng, loaded as a library (GPL: only ever inside the backend's own process, only with the extra)."""
