"""A real JupyterLab, a real Chromium and a microphone that plays a WAV file, for the end-to-end tests."""
