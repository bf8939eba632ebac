"""Measures the program: how fast, how large, how well it segments, each figure beside what it was measured against.

One file a measurement. The program never imports this package, and it is not part of what is installed.
"""
