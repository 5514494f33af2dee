"""What a sweep will do before it does it: the order of its trials and the money they may cost."""
