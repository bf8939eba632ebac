"""The model in training: a batch in, the loss out; and its answers to validation batches."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from stser_core.config import SPEECH, TEXT
from stser_core.ensemble import calibrated, combine
from stser_core.errors import UsageError
from stser_core.model import Stser
from stser_core.training.loop import Epoch
from stser_core.training.metrics import measure
from stser_core.training.pairs import column_of, column_of_all


class Learner(nn.Module):
    """STSER with its loss: the sum of the classifiers' cross-entropies."""

    def __init__(self, stser: Stser, label_smoothing: float = 0.0) -> None:
        """Wrap a model."""
        super().__init__()
        self.stser = stser
        self._columns = {name: column_of(one.inputs) for name, one in stser.config.classifiers.items()}
        self._label_smoothing = label_smoothing

    def train(self, mode: bool = True) -> "Learner":
        """Switch to training or evaluation; frozen parts stay in evaluation, with the statistics of their norms."""
        super().train(mode)
        for part in (self.stser.smodel, self.stser.tmodel, *self.stser.classifiers.values()):
            if part is not None and not any(one.requires_grad for one in part.parameters()):
                part.eval()
        return self

    def forward(self, targets: Tensor, weights: Tensor, **inputs: Tensor) -> Tensor:
        """The loss of a batch, as `Examples.batch` makes it."""
        loss = torch.zeros((), device=targets.device)
        for name, logits in self.logits(**inputs).items():
            column = self._columns[name]
            each = cross_entropy(logits, targets[:, column], reduction="none", label_smoothing=self._label_smoothing)
            loss = loss + (each * weights[:, column]).mean()
        return loss

    def logits(
        self,
        frames: Tensor | None = None,
        counts: Tensor | None = None,
        baselines: Tensor | None = None,
        pieces: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Each classifier's logits, float32 [batch, labels]."""
        vectors: dict[str, Tensor] = {}
        if self.stser.smodel is not None and frames is not None and counts is not None:
            vectors[SPEECH] = self.stser.encode_speech(frames, counts, baselines)[0]
        if self.stser.tmodel is not None and pieces is not None and mask is not None:
            vectors[TEXT] = self.stser.encode_text(pieces, mask)
        return self.stser.classify(vectors)

    @torch.no_grad()
    def validate(self, batches: Iterable[Mapping[str, Tensor]]) -> Epoch:
        """WA and UA of each classifier, and of their ensemble (`wa`, `ua`) where all have their input."""
        device = next(self.parameters()).device
        self.eval()
        logits: dict[str, list[Tensor]] = {name: [] for name in self.stser.classifiers}
        targets, weights = [], []
        for batch in batches:
            inputs = {name: one.to(device) for name, one in batch.items() if name not in ("targets", "weights")}
            for name, one in self.logits(**inputs).items():
                logits[name].append(one.float().cpu())
            targets.append(batch["targets"].argmax(dim=2))
            weights.append(batch["weights"])
        truth, known = torch.cat(targets).numpy(), torch.cat(weights).numpy() > 0
        answers = {name: torch.cat(some).numpy() for name, some in logits.items() if some}
        probabilities = calibrated(answers, self.stser.config.ensemble)
        columns = [self._columns[name] for name in probabilities]
        every = [(f"{name}_", self._columns[name], given) for name, given in probabilities.items()]
        every.append(("", column_of_all(columns), combine(probabilities, self.stser.config.ensemble)))
        found: Epoch = {}
        for name, column, given in every:
            rows = known[:, column] if name else known[:, columns].all(axis=1)
            if rows.any():
                measured = measure(truth[rows, column], given[rows])
                found |= {f"{name}wa": measured.wa, f"{name}ua": measured.ua}
        return found


def freeze(stser: Stser, names: Iterable[str]) -> None:
    """Switch off the training of parts of a model, wherever it has them."""
    parts: dict[str, nn.Module | None] = {"smodel": stser.smodel, "tmodel": stser.tmodel, **stser.classifiers}
    for name in names:
        if (part := parts.get(name)) is not None:
            part.requires_grad_(False)
    if not any(one.requires_grad for one in stser.parameters()):
        raise UsageError(f"All of the model is frozen ({', '.join(names)}), so nothing can be trained.")
