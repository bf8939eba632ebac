"""Pre-training a compact ALBERT: what a sentence encoder makes of unlabelled text is what the ALBERT learns to make."""
