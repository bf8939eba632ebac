"""The streaming emotion monitor: sources, segmenter, transcribers, pipeline, timeline, exporters, display."""
