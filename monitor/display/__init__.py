"""Shows a timeline on a terminal, and as plain lines elsewhere."""
