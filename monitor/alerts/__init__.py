"""Rules over finished turns, and what happens when one holds."""
