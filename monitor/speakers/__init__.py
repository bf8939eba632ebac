"""Speaker diarization of one channel."""
