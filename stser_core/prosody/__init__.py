"""Prosody and voice quality of an utterance as a vector of functionals, after eGeMAPS (Eyben et al. 2016)."""
