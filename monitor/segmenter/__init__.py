"""Finds speech: voice activity, endpoints, utterances."""
