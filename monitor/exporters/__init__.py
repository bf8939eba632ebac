"""Writes turns: an `Exporter` turn by turn while they are found, a `Format` a whole timeline (`formats.py`)."""

from monitor.exporters.exporter import Exporter

__all__ = ["Exporter"]
