"""What is speech: voice activity, endpoints, utterances."""
