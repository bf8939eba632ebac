"""What has been heard so far: turns, notes, figures, and the files they are kept in."""
