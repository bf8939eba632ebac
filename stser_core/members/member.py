"""What a member of the ensemble is: a name, what it needs of an utterance, and logits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from stser_core.adaptation import Voice


@dataclass(frozen=True)
class Needs:
    """What a member must have of an utterance to answer; where a part of it is missing, the member is absent.

    Attributes:
        samples: The waveform.
        log_mel: Its spectrogram, as the checkpoint's own settings make it.
        text: A transcript that is not empty and that its recogniser trusts.
        encoder: The name of the encoder outside the model whose output it reads, such as `whisper-base`.
        voice: Whose it is, to get used to the voice; the one need without which it answers, too.
    """

    samples: bool = False
    log_mel: bool = False
    text: bool = False
    encoder: str | None = None
    voice: bool = False

    @property
    def sound(self) -> bool:
        """Whether the sound itself is needed."""
        return self.samples or self.log_mel


@dataclass(frozen=True, eq=False)
class Heard:
    """One utterance as a member gets it: what its `needs` ask for, `None` for all else.

    Attributes:
        samples: float32 [n] in −1…1, 16 kHz mono, without the silence around it.
        log_mel: float32 [bands, frames].
        text: The transcript, as the recogniser wrote it.
        encoding: float32 [n], the encoder's output, pooled over time.
        voice: Whose it is; `None` where that is not known.
    """

    samples: NDArray[np.float32] | None = None
    log_mel: Tensor | None = None
    text: str | None = None
    encoding: NDArray[np.float32] | None = None
    voice: Voice | None = None


class Member(Protocol):
    """A further classifier beside the paper's three.

    Attributes:
        name: What `--classifier` and the JSON Lines call it.
        needs: What it must have of an utterance.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 (above)

    @property
    def needs(self) -> Needs: ...  # noqa: D102

    def to(self, accelerator: str) -> None:
        """Move to `cpu`, `cuda` or `mps`; called once, before the first `logits`."""
        ...

    def logits(self, batch: Sequence[Heard]) -> Tensor:
        """Judge utterances.

        Args:
            batch: One or more, in the order in which they were said, each with all that `needs` asks for.

        Returns:
            float32 [batch, labels] in the order of `LABELS`, not yet calibrated, on any device.
        """
        ...


@dataclass(frozen=True)
class Parts:
    """What a checkpoint keeps of a member.

    Attributes:
        name: The member's name in this checkpoint.
        settings: Its own settings, as `config.json` has them.
        weights: Its own tensors by name, on the CPU, none where it has no file; they come from safetensors.
        folder: The checkpoint's folder.
    """

    name: str
    settings: Mapping[str, Any]
    weights: Mapping[str, Tensor]
    folder: Path


class Kind(Protocol):
    """Makes members of one kind; an entry point of the group `stser_core.members` names one."""

    def __call__(self, parts: Parts) -> Member:
        """Make a member of what the checkpoint keeps of it.

        Raises:
            CheckpointError: The settings or tensors do not fit.
        """
        ...
