"""Which classifiers can answer with the transcriber that was chosen: reported before anything is heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.commands.notices import Notices
from monitor.commands.speech_recogniser import NONE
from stser_core.errors import TranscriberError

if TYPE_CHECKING:
    from monitor.transcribers import Transcriber
    from stser_core.recognizer import EmotionRecognizer


def require_answers(scorer: EmotionRecognizer, transcriber: Transcriber, notices: Notices) -> None:
    """Stop where no classifier could ever answer, and report a combination that was not calibrated.

    Raises:
        TranscriberError: All classifiers that were chosen need words, and nothing is transcribed.
    """
    with_text = transcriber.name != NONE
    answering = scorer.answering(text=with_text)
    if not answering:
        raise TranscriberError(
            f"The classifier {' + '.join(scorer.classifiers)} needs words, but nothing is transcribed; "
            "choose a transcriber (--asr, --asr-model), or --classifier speech."
        )
    combinations = dict.fromkeys((answering, scorer.answering(text=False)))
    uncalibrated = [" + ".join(one) for one in combinations if one and not scorer.is_calibrated(one)]
    if uncalibrated:
        notices.say(
            f"the checkpoint {scorer.name} is not calibrated for the classifiers {' and for '.join(uncalibrated)}: "
            "their probabilities may be too sure or not sure enough."
        )
