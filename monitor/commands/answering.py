"""Who of the ensemble can answer with the speech recogniser that was chosen: said before anything is heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.commands.notices import Notices
from monitor.commands.speech_recogniser import NONE
from stser_core.errors import TranscriberError

if TYPE_CHECKING:
    from monitor.transcribers import Transcriber
    from stser_core.recognizer import Recognizer


def require_answers(scorer: Recognizer, transcriber: Transcriber, notices: Notices) -> None:
    """Say which members are absent for want of an encoder, and refuse to go on where nobody could ever answer.

    Raises:
        TranscriberError: All that were chosen need words, or an encoder, that the recogniser does not give.
    """
    text = transcriber.name != NONE
    encoder: str | None = getattr(transcriber, "encoder", None)
    given = () if encoder is None else (encoder,)
    chosen = " + ".join(scorer.classifiers)
    wanted = ", ".join(name for name in scorer.encoders if name not in given)
    if not scorer.answering(text=text, encoders=given):
        if wanted:
            raise TranscriberError(
                f"The classifier {chosen} reads {wanted}, which only --asr whisper with that model runs; "
                "choose it, or another --classifier."
            )
        raise TranscriberError(
            f"The classifier {chosen} needs words, but nothing is transcribed; "
            "choose a recogniser (--asr, --asr-model), or --classifier speech."
        )
    absent = [
        name
        for name in scorer.answering(text=True, encoders=scorer.encoders)
        if name not in scorer.answering(text=True, encoders=given)
    ]
    if absent:
        notices.say(
            f"the member {', '.join(absent)} is absent, for it reads {wanted}, which only --asr whisper with that "
            "model runs."
        )
