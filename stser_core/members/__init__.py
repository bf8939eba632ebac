"""The ensemble's further members: classifiers beside the paper's three, each with what it needs of an utterance."""
