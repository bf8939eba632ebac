"""The threads, the bounded queues between them, and what each does."""
