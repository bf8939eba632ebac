"""The ensemble: calibrated probabilities of several classifiers, combined into one answer.

The paper takes the mean of its three classifiers' probabilities (ensemble learning, section 3.3). A checkpoint may
also fuse speech and words late (`LateFusion`), because a mean takes emotional words in neutral speech for half an
emotion. Calibration divides logits by a temperature (Guo et al. 2017, https://arxiv.org/abs/1706.04599); the mean of
calibrated classifiers is less sure than it should be (Ranjan and Gneiting 2010,
https://doi.org/10.1111/j.1467-9868.2009.00726.x), so combinations have temperatures of their own. Finally Bayes' rule
moves the answer from evenly distributed labels to a class prior (Saerens, Latinne and Decaestecker 2002,
https://doi.org/10.1162/089976602753284446).
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stser_core.config import SPEECH, TEXT, EnsembleConfig, LateFusion
from stser_core.emotions import LABELS
from stser_core.errors import UsageError

Floats = NDArray[np.floating]

Prior = tuple[float, float, float, float]  # expected frequency of each emotion, in the order of `LABELS`
EVEN = "even"
_NEUTRAL = LABELS.index("neutral")
_SMALLEST = float(np.finfo(np.float32).tiny)
_TOLERANCE = 1e-6
_ROUNDING = 1e-4  # of a sum of four rounded probabilities, as `EnsembleConfig` allows it


def combination(classifiers: Iterable[str]) -> str:
    """The name of a combination of classifiers in `EnsembleConfig.temperatures`: `bimodal+speech+text`."""
    return "+".join(sorted(classifiers))


def calibrated(logits: Mapping[str, Floats], config: EnsembleConfig) -> dict[str, Floats]:
    """Probabilities of each classifier: softmax of its logits [..., labels] over its temperature."""
    return {name: softmax(one / config.temperatures.get(name, 1.0)) for name, one in logits.items()}


def combine(
    probabilities: Mapping[str, Floats], config: EnsembleConfig, *, prior: Sequence[float] | None = None
) -> Floats:
    """Combine the probabilities, float [..., labels] as `calibrated` gives them, of one classifier or several.

    The prior says how often each emotion is expected; `None` for evenly, as in training.
    """
    terms = dict(probabilities)
    if config.late_fusion is not None and {SPEECH, TEXT} <= terms.keys():  # its result stands for both in the mean
        terms |= dict.fromkeys((SPEECH, TEXT), late_fusion(terms[SPEECH], terms[TEXT], config.late_fusion))
    weights = [config.weights.get(name, 1.0) for name in terms]
    together: Floats = np.average(list(terms.values()), axis=0, weights=weights)
    temperature = config.temperatures.get(combination(probabilities))
    if len(probabilities) > 1 and temperature is not None:
        together = softmax(np.log(np.maximum(together, _SMALLEST)) / temperature)
    return apply_prior(together, prior)


def late_fusion(speech: Floats, text: Floats, fusion: LateFusion) -> Floats:
    """Fuse the probabilities of speech and of text, float [..., labels] each.

    An emotion e gets s_e · t_e + p_speech_only · s_e · t_neutral + p_text_only · s_neutral · t_e, neutral gets
    s_neutral · t_neutral; all are divided by their sum.
    """
    neutral_speech, neutral_text = (one[..., _NEUTRAL, None] for one in (speech, text))
    either = fusion.p_speech_only * speech * neutral_text + fusion.p_text_only * neutral_speech * text
    either[..., _NEUTRAL] = 0
    return _normalised(np.maximum(speech * text + either, _SMALLEST))


def softmax(logits: Floats) -> Floats:
    """Probabilities of logits, float [..., labels]."""
    return _normalised(np.exp(logits - logits.max(axis=-1, keepdims=True)))


def _normalised(values: Floats) -> Floats:
    normalised: Floats = values / values.sum(axis=-1, keepdims=True)
    return normalised


def apply_prior(probabilities: Floats, prior: Sequence[float] | None) -> Floats:
    """Move probabilities, float [..., labels], from evenly distributed labels to a class prior."""
    return probabilities if prior is None else _normalised(probabilities * np.array(prior))


def parse_prior(text: str) -> Prior | None:
    """Read `neutral=0.7` or `neutral=0.6,angry=0.2` (emotions that are not named share the rest); `None` for `even`.

    Raises `UsageError` where the text is something else, or leaves nothing for an emotion.
    """
    if text.strip() == EVEN:
        return None
    named: dict[str, float] = {}
    for one in text.split(","):
        label, equals, value = (part.strip() for part in one.partition("="))
        if not equals or label not in LABELS or label in named:
            raise UsageError(
                f"A class prior is written as neutral=0.7,angry=0.1, each of {', '.join(LABELS)} at most once, or "
                f"{EVEN}; it is {text!r}."
            )
        try:
            named[label] = float(value)
        except ValueError:
            named[label] = 0.0
        if not 0 < named[label] < 1:
            raise UsageError(f"The prior probability of {label} must be between 0 and 1, such as 0.7; it is {value!r}.")
    rest = 1 - sum(named.values())
    others = [label for label in LABELS if label not in named]
    if rest < _TOLERANCE if others else abs(rest) > _TOLERANCE:
        raise UsageError(f"The class prior {text!r} sums to {1 - rest:.7g}; all four must be above 0 and sum to 1.")
    angry, happy, neutral, sad = (named.get(label, rest / max(1, len(others))) for label in LABELS)
    return angry, happy, neutral, sad


def checked_prior(prior: Sequence[float]) -> Prior:
    """A class prior whose values are floats; `UsageError` unless they are four above 0 that sum to 1."""
    try:
        angry, happy, neutral, sad = map(float, prior)
    except (TypeError, ValueError):
        angry = happy = neutral = sad = 0.0
    checked = angry, happy, neutral, sad
    if not (min(checked) > 0 and abs(sum(checked) - 1) <= _ROUNDING):
        raise UsageError(
            f"A class prior must be 'checkpoint', None for evenly, or a probability above 0 for each of "
            f"{', '.join(LABELS)}, which sum to 1; it is {prior!r}."
        )
    return checked


def format_prior(prior: Sequence[float] | None) -> str:
    """A class prior as `parse_prior` reads it."""
    if prior is None:
        return EVEN
    return ",".join(f"{label}={value:.4g}" for label, value in zip(LABELS, prior, strict=True))
