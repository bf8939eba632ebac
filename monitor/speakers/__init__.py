"""Tells the speakers of one channel apart by their voices."""
