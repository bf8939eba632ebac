"""Many recordings at once: a timeline for each, two tables of all, in a folder that later runs continue."""
