"""Training: corpora, splits, the loop, evaluation, baselines. Needs the extra [train]."""
