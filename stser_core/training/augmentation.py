"""Augmentation of the speech (see `examples`) and the words of training examples; nothing is changed by default."""

from collections.abc import Sequence

from numpy.random import Generator

from stser_core.config import Amount, Count, Positive, Proportion, Settings
from stser_core.errors import UsageError
from stser_core.tokenizer import normalise


class Augmentation(Settings, frozen=True):
    """Probability of each change, for each clip in each epoch (0 = never, 1 = always)."""

    lines: Proportion = 0.0  # the clip comes over a random telephone line (see `lines`), instead of as recorded
    line_versions: Count = 3  # lines of each clip that are cached
    crop: Proportion = 0.0  # a random part is taken: short turns are the hardest
    crop_s: tuple[Positive, Positive] = (0.5, 1.8)  # shortest and longest part, in seconds
    frame_noise: Amount = 0.0  # greatest deviation of what is added to all frames of a clip, in units of frame_scale
    dropped_words: Proportion = 0.0  # proportion of a text's words that are left out, as a transcriber misses words
    swapped_words: Proportion = 0.0  # proportion of them that are exchanged for words of other texts
    dropped_marks: Proportion = 0.0  # texts lose their punctuation

    def __post_init__(self) -> None:
        if self.crop_s[0] > self.crop_s[1]:
            raise UsageError(f"augmentation.crop_s must be a shortest and a longest length; it is {self.crop_s}.")


def change_words(text: str, settings: Augmentation, others: Sequence[str], rng: Generator) -> str:
    """Make the mistakes of a transcriber, with `others` as the words to exchange for; at least one word is left."""
    if settings.dropped_marks and rng.random() < settings.dropped_marks:
        text = normalise(text) or text
    if not (settings.dropped_words or settings.swapped_words):
        return text
    words = text.split()
    chance = rng.random(len(words))
    swapped = settings.dropped_words + settings.swapped_words
    left = [
        others[int(rng.integers(len(others)))] if others and one < swapped else word
        for word, one in zip(words, chance, strict=True)
        if one >= settings.dropped_words
    ]
    return " ".join(left or words[:1])
