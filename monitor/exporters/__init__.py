"""Writes turns: an `Exporter` turn by turn while they are found, a `Format` a whole timeline (`formats.py`)."""
