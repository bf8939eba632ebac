"""From the clips that a reader found to a corpus that can be relied on: the checks that all readers share."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from stser_core.emotions import LABELS
from stser_core.errors import DataError
from stser_core.training.clip import Clip, Corpus
from stser_core.training.corpora.files import some


def assemble(
    name: str,
    source: Path,
    clips: Sequence[Clip],
    left_out: Mapping[str, int],
    notes: Sequence[str] = (),
    published: Mapping[str, int] | None = None,
) -> Corpus:
    """Check the clips and put them into a corpus."""
    if not clips:
        raise DataError(
            f"{name}: {source} holds no clip that is {_either(LABELS)}{_other_emotions(left_out)}; "
            "check that this is the corpus's own folder."
        )
    _refuse_duplicates(name, clips)
    ordered = tuple(sorted(clips, key=lambda clip: clip.id))
    corpus = Corpus(name, ordered, dict(sorted(left_out.items())))
    found_notes = (*notes, *_gender_notes(corpus), *_count_notes(corpus, published))
    return Corpus(name, ordered, corpus.left_out, found_notes)


def _refuse_duplicates(name: str, clips: Sequence[Clip]) -> None:
    by_id: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        by_id[clip.id].append(clip)
    doubled = {clip_id: same for clip_id, same in by_id.items() if len(same) > 1}
    if doubled:
        first, same = next(iter(doubled.items()))
        places = " and ".join(str(clip.path) for clip in same[:2] if clip.path) or "two entries"
        raise DataError(
            f"{name}: {len(doubled):,} clips are there more than once, the first is {first} ({places}); "
            "remove the copies."
        )


def _gender_notes(corpus: Corpus) -> list[str]:
    genders: dict[str, set[str]] = defaultdict(set)
    for clip in corpus.clips:
        if clip.gender:
            genders[clip.speaker].add(clip.gender)
    both = sorted(speaker for speaker, found in genders.items() if len(found) > 1)
    if not both:
        return []
    return [f"{corpus.name}: the clips of {some(both)} disagree about the speaker's gender."]


def _count_notes(corpus: Corpus, published: Mapping[str, int] | None) -> list[str]:
    if published is None or corpus.counts == dict(published):
        return []
    return [
        f"{corpus.name}: EXPECTED {_listed(published)}, FOUND {_listed(corpus.counts)}; "
        "results on it do not compare with published ones."
    ]


def _listed(counts: Mapping[str, int]) -> str:
    each = ", ".join(f"{label} {counts[label]:,}" for label in LABELS)
    return f"{sum(counts.values()):,} clips ({each})"


def _either(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _other_emotions(left_out: Mapping[str, int]) -> str:
    if not left_out:
        return ""
    listed = ", ".join(f"{reason} {count:,}" for reason, count in Counter(left_out).most_common())
    return f" (left out: {listed})"
