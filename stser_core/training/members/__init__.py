"""Training the heads of the ensemble's further members, on encodings that are made once and kept."""
