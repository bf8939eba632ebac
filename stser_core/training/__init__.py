"""The training module: corpora, protocol, trainer, evaluation, rivals. Needs the extra [train]."""
