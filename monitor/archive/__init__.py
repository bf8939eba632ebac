"""Many recordings at once: a timeline for each, two datasets of all, and a folder that can be taken up again."""
