"""The model as the trainer sees it: a batch in, the summed loss and every classifier's logits out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from stser_core.errors import UsageError
from stser_core.features import frame_mask
from stser_core.scores import CLASSIFIERS
from stser_core.stser import Stser, TextBatch
from stser_core.training.distributed import gathered

if TYPE_CHECKING:
    from torch import Tensor

    from stser_core.smodel import Hearing, SpeechSettings
    from stser_core.training.lessons import Teaching
    from stser_core.training.voices import VoiceBank

_SPEECH = "speech"


class Learner(nn.Module):
    """STSER with its loss: the weighted sum of the classifiers' cross-entropies, and what a teacher asks."""

    def __init__(
        self,
        stser: Stser,
        losses: Mapping[str, float],
        precision: torch.dtype = torch.float32,
        teaching: Teaching | None = None,
        bank: VoiceBank | None = None,
    ) -> None:
        """Wrap a model.

        Args:
            stser: The model.
            losses: Weight of each classifier's loss.
            precision: Of training; evaluation is always in float32.
            teaching: Of the smodel by a teacher; `None` without one.
            bank: Where the voices are drawn from that the classifiers get used to; `None` where they do not.

        Raises:
            UsageError: There is a teacher of speech, but nothing that hears.
        """
        super().__init__()
        self.stser = stser
        self._losses = dict(losses)
        self._precision = precision
        self._teaching = teaching
        self.bank = bank
        self.pupil: Pupil | None = None
        if teaching is not None:
            if stser.settings.speech is None:
                raise UsageError("A teacher teaches the speech model, and this run trains none: leave --teacher out.")
            self.pupil = Pupil(stser.settings.speech, teaching)

    def train(self, mode: bool = True) -> Learner:
        """Begin to learn or to answer; what is frozen always answers, its batch norms' statistics stay too."""
        super().train(mode)
        for part in (self.stser.smodel, self.stser.tmodel, *self.stser.classifiers.values()):
            if part is not None and not any(one.requires_grad for one in part.parameters()):
                part.eval()
        return self

    def forward(
        self,
        targets: Tensor,
        weights: Tensor,
        spectrograms: Tensor | None = None,
        frames: Tensor | None = None,
        pieces: Tensor | None = None,
        mask: Tensor | None = None,
        directions: Tensor | None = None,
        moments: Tensor | None = None,
        moment_frames: Tensor | None = None,
        advice: Tensor | None = None,
        rows: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Answer a batch, as `Collator` makes it.

        Returns:
            `loss` (a scalar) and, for each classifier, its logits, float32 [batch, labels].
        """
        sound = (spectrograms, frames) if spectrograms is not None and frames is not None else None
        text = TextBatch(pieces, mask) if pieces is not None and mask is not None else None
        half = self.training and self._precision != torch.float32
        with torch.autocast(targets.device.type, self._precision, enabled=half):
            out = self.stser(text=text, spectrograms=sound, adapt=self._adapt(rows))
        loss = torch.zeros((), device=targets.device)
        if self.pupil is not None and directions is not None and moments is not None and moment_frames is not None:
            assert out.hearing is not None
            loss = loss + self.pupil(out.hearing, directions, moments, moment_frames)
        for name, logits in out.logits.items():
            column = CLASSIFIERS.index(name)
            wanted = self._advised(targets[:, column], advice if name == _SPEECH else None)
            each = cross_entropy(logits, wanted, reduction="none")
            # Over the batch's size, not over the sum of weights: so processes that share a batch add up to it.
            loss = loss + self._losses.get(name, 1.0) * (each * weights[:, column]).mean()
        return {"loss": loss, **out.logits}

    @torch.no_grad()
    def hear(
        self,
        rows: Tensor,
        spectrograms: Tensor | None = None,
        frames: Tensor | None = None,
        **_: Tensor,
    ) -> None:
        """Remember the speech vectors of a batch, as `Collator` makes it, and judge nothing."""
        if self.bank is None or spectrograms is None or frames is None or self.stser.smodel is None:
            return
        self.bank.hear(rows, self.stser.smodel(spectrograms, frames).vector)

    def _adapt(self, rows: Tensor | None) -> Callable[[Tensor], Tensor] | None:
        """What takes off what a batch's voices add, and remembers the vectors of training and validation alike.

        In training the voices are drawn; in validation the clips are heard in turn.
        Where the speech classifier is frozen, the usual voice stays what it was when this was trained.
        """
        bank, usual = self.bank, self.stser.usual_voice
        if bank is None or usual is None or rows is None:
            return None

        def adapt(vectors: Tensor) -> Tensor:
            shifts = (bank.shifts if self.training else bank.shifts_in_turn)(rows, usual)
            bank.hear(rows, vectors)
            if self.training and not self._keeps_usual_voice():
                usual.copy_(bank.usual)
            return vectors - shifts

        return adapt

    def _keeps_usual_voice(self) -> bool:
        if _SPEECH not in self.stser.classifiers:
            return False
        return not any(one.requires_grad for one in self.stser.classifiers[_SPEECH].parameters())

    def _advised(self, targets: Tensor, advice: Tensor | None) -> Tensor:
        if advice is None or self._teaching is None:
            return targets
        return targets.lerp(advice, self._teaching.labels)


class Pupil(nn.Module):
    """What tells the teacher's directions from the smodel's output; used in training alone."""

    def __init__(self, speech: SpeechSettings, teaching: Teaching) -> None:
        """Prepare for a smodel of this shape."""
        super().__init__()
        self._teaching = teaching
        self.told = nn.Linear(speech.vector_size, teaching.directions)
        self.followed = nn.Linear(2 * speech.lstm_units, teaching.moment_directions)

    def forward(self, hearing: Hearing, directions: Tensor, moments: Tensor, moment_frames: Tensor) -> Tensor:
        """The weighted squared error of what is told.

        Args:
            hearing: Of a batch.
            directions: float32 [batch, directions], of each clip as a whole.
            moments: float32 [batch, longest, moment_directions], frame by frame.
            moment_frames: int64 [batch], how many frames each clip has.
        """
        whole = mse_loss(self.told(hearing.vector.float()), directions)
        wanted = at_steps(moments, moment_frames, hearing.steps, hearing.sequence.shape[1])
        error = (self.followed(hearing.sequence.float()) - wanted).square().mean(dim=2)
        inside = frame_mask(hearing.steps, error.shape[1])
        # Over the steps of a process's usual share of the batch: so processes that share a batch add up to it.
        steps = gathered(inside.sum()[None]).float().mean()
        loss: Tensor = self._teaching.vectors * whole + self._teaching.moments * (error * inside).sum() / steps
        return loss


def at_steps(frames: Tensor, lengths: Tensor, steps: Tensor, longest: int) -> Tensor:
    """Stretch or shrink sequences over time, by linear interpolation between the middles of their frames.

    A clip that is played faster or slower has more or fewer steps than its teacher has frames, evenly.

    Args:
        frames: float32 [batch, n, size].
        lengths: int64 [batch], how many frames each has.
        steps: int64 [batch], how many it shall have.
        longest: Steps of the result.

    Returns:
        float32 [batch, longest, size]; what lies behind an utterance's own steps holds anything.
    """
    step = torch.arange(longest, device=frames.device) + 0.5
    last = (lengths - 1)[:, None]
    place = (step * (lengths / steps)[:, None] - 0.5).clamp_min(0).minimum(last)
    before = place.long()
    after = (before + 1).minimum(last)
    rows = torch.arange(len(frames), device=frames.device)[:, None]
    return frames[rows, before].lerp(frames[rows, after], (place - before)[:, :, None])
