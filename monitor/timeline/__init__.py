"""Turns, notes and metrics of a recording or session, and the reading of timeline files."""
