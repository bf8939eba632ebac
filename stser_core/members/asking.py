"""Asking a member: what of an utterance it gets, and whether its answer is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stser_core.emotions import LABELS
from stser_core.errors import CheckpointError, StserError
from stser_core.features import pad, trim
from stser_core.members.member import Heard
from stser_core.trust import trusted

if TYPE_CHECKING:
    from torch import Tensor

    from stser_core.features import LogMel
    from stser_core.members.member import Member, Needs
    from stser_core.scores import Spoken


def can_answer(needs: Needs, spoken: Spoken) -> bool:
    """Whether an utterance has all that a member needs."""
    if needs.sound and len(spoken.samples) == 0:
        return False
    if needs.text and not trusted(spoken):
        return False
    return needs.encoder is None or (spoken.encoding is not None and spoken.encoding.encoder == needs.encoder)


def heard(needs: Needs, spoken: Spoken, logmel: LogMel) -> Heard:
    """What a member gets of an utterance that has what it needs.

    Args:
        needs: The member's.
        spoken: The utterance.
        logmel: Makes the checkpoint's spectrograms.
    """
    samples = trim(spoken.samples, logmel.settings)[0] if needs.sound else None
    spectrogram = None
    if needs.log_mel and samples is not None:
        waveform, lengths = pad([samples])
        device = next(logmel.buffers()).device
        spectrogram = logmel(waveform.to(device), lengths.to(device))[0][0]
    encoding = spoken.encoding if needs.encoder is not None else None
    return Heard(
        samples=samples if needs.samples else None,
        log_mel=spectrogram,
        text=spoken.text if needs.text else None,
        encoding=None if encoding is None else encoding.vector,
        voice=spoken.voice if needs.voice else None,
    )


def logits(member: Member, batch: Sequence[Heard]) -> Tensor:
    """A member's answer.

    Args:
        member: Any.
        batch: One or more utterances that it can answer.

    Returns:
        float32 [batch, labels], on the CPU.

    Raises:
        CheckpointError: It failed, or gave something else than finite logits.
    """
    try:
        answer = member.logits(batch).detach().float().cpu()
    except StserError:
        raise
    except Exception as error:  # another package's code may fail in any way
        raise CheckpointError(f"The member {member.name!r} failed ({type(error).__name__}: {error}).") from error
    if answer.shape != (len(batch), len(LABELS)):
        raise CheckpointError(
            f"The member {member.name!r} gave no logits of {len(LABELS)} labels for {len(batch)} utterances: "
            f"shape {tuple(answer.shape)}."
        )
    if not answer.isfinite().all():
        raise CheckpointError(f"The member {member.name!r} gave logits that are no numbers.")
    return answer
