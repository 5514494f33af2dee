"""Speech from Piper's voices: onnxruntime runs the model, espeak-ng gives the phonemes."""
