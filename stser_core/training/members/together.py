"""How sure a checkpoint's classifiers and a new member may be together: a temperature for each company of theirs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from stser_core.emotions import index
from stser_core.recognizer import Recognizer
from stser_core.scores import company
from stser_core.training.batches import draw_weights
from stser_core.training.evaluation import Judged, as_listening, judge
from stser_core.training.metrics import temperature
from stser_core.training.pair_evaluation import pairs_of

if TYPE_CHECKING:
    from stser_core.ensemble import Ensemble
    from stser_core.training.clip import Clip
    from stser_core.training.members.fitting import Made, Maker

_FEWEST = 100
"""Of fewer answers a temperature would say more about these than about those to come."""

_BALANCE_CORPORA = 0.5


def temperatures(made: Made, make: Maker, folder: Path, clips: Sequence[Clip]) -> dict[str, float]:
    """Find the temperature of the mean of the member and whoever answers with it.

    Args:
        made: The member, trained without these clips.
        make: What trained it.
        folder: The checkpoint that it joins, which did not learn from these clips either.
        clips: Voices, heard in turn, as the monitor listens; where there are texts without sound, too, once more
            joined with these.

    Returns:
        By the names of those who answer together; of those that seldom do, none.
    """
    with TemporaryDirectory() as scratch:
        joined = Path(scratch) / "joined"
        made.join(folder, joined)
        recognizer = Recognizer.load(joined, accelerator="cpu")
        encode = None if make.cache is None else make.cache.encoding
        voices = [clip for clip in clips if clip.path is not None]
        pairs = [pair for some in pairs_of(clips).values() for pair in some]
        judged = [one for some in (voices, pairs) for one in as_listening(judge(recognizer, some, encode=encode))]
    by_company: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        if made.listed.name in one.scores.by_classifier and len(one.scores.by_classifier) > 1:
            by_company[company(one.scores.by_classifier)].append(one)
    return _found(by_company, recognizer.ensemble)


def _found(by_company: Mapping[str, Sequence[Judged]], ensemble: Ensemble) -> dict[str, float]:
    found: dict[str, float] = {}
    for names in sorted(by_company, key=len):  # the voice's first: what is joined with words asks it
        if len(by_company[names]) >= _FEWEST:
            informed = replace(ensemble, temperatures={**ensemble.temperatures, **found})
            found[names] = round(_temperature(by_company[names], informed), 4)
    return found


def _temperature(judged: Sequence[Judged], ensemble: Ensemble) -> float:
    """Of the mean as it is, whatever temperature a checkpoint that had this member before gave it."""
    names = judged[0].scores.by_classifier
    shares = ensemble.mean({name: np.array([one.scores.by_classifier[name] for one in judged]) for name in names})
    truth = np.array([index(one.clip.label) for one in judged])
    weights = draw_weights([one.clip for one in judged], balance_labels=True, balance_corpora=_BALANCE_CORPORA)
    return temperature(truth, np.log(np.maximum(shares, np.finfo(np.float32).tiny)), weights)
