"""Reports as tables: rows of text, shown in the terminal and written into the model card of a run."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.table import Table

from stser_core.config import SPEECH, TEXT, CheckpointConfig
from stser_core.emotions import LABELS
from stser_core.ensemble import format_prior
from stser_core.scores import ENSEMBLE
from stser_core.training.calibration import Calibration
from stser_core.training.clip import Clip
from stser_core.training.loop import Epoch, best_epoch
from stser_core.training.recipe import Recipe

Rows = list[tuple[str, ...]]
"""A heading row, then the others."""


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation over folds and seeds, as fractions of 1."""

    mean: float
    sd: float


# The paper's Tables 1 and 2: IEMOCAP, four classes, five folds, in percent; `None` where it prints none.
PUBLISHED_OURS: Mapping[str, tuple[float, float | None]] = {
    "speech": (53.35, 55.00),
    "text": (59.32, 59.40),
    "bimodal": (70.83, 71.70),
    "ensemble": (71.06, 72.05),
}
PUBLISHED_OTHERS: Mapping[str, tuple[float, float | None]] = {
    "E_vec-MCNN-LSTM": (64.9, 65.9),
    "MDRE": (71.8, None),
    "Att-align": (72.5, 70.9),
    "IIEmoNet(BE)": (73.5, 71.0),
}
"""WA and UA of STSER's own classifiers, and of the methods that the paper compares itself with."""

_STREAMS = "## Call-like streams"
_DATA = "## Data"


def card(
    recipe: Recipe,
    config: CheckpointConfig,
    train: Sequence[Clip],
    validation: Sequence[Clip],
    history: Sequence[Epoch],
    calibrations: Mapping[str, Calibration],
) -> str:
    """The model card of a run, in Markdown."""
    loop = recipe.loop
    classifiers = list(config.classifiers)
    inputs = [name for name, encoder in ((SPEECH, config.smodel), (TEXT, config.tmodel)) if encoder is not None]
    both = {clip.speaker for clip in train} & {clip.speaker for clip in validation}
    shared = "clip (some corpora have one speaker)" if both else "speaker"
    kept = "the last" if loop.best_by == "last" else f"the one with the best validation {loop.best_by.upper()}"
    best = history[best_epoch(history, loop)]
    keys = [*((name, f"{name}_") for name in classifiers), (ENSEMBLE, "")]
    metrics = [(name, f"{best[key + 'wa']:.3f}", f"{best[key + 'ua']:.3f}") for name, key in keys if key + "wa" in best]
    errors = [
        (name, f"{one.temperature:.2f}", f"{one.before:.3f}", f"{one.after:.3f}") for name, one in calibrations.items()
    ]
    return f"""# {" and ".join(classifiers)} classifier{"s" * (len(classifiers) > 1)}

An STSER checkpoint of stser-monitor: emotion (angry, happy, neutral, sad) from {" and ".join(inputs)}.
Written by `stser-train`; add the data's licences, the limits you know of and your test results before you share it.

{_DATA}

{markdown(_data_rows(train, validation))}

Training and validation share no {shared}.

## Protocol

At most {loop.epochs} epochs of batches of {recipe.batch}, {loop.optimizer} at {loop.learning_rate:g} ({loop.schedule}),
seed {loop.seed}; of {len(history)} epochs {kept} was kept.
`recipe.json` of the run holds every setting, `config.json` how the classifiers are combined.

## Validation

{markdown([("classifier", "WA", "UA"), *metrics])}

Calibration by temperature, on call-like streams of the validation speakers and on validation texts; expected
calibration error before and after:

{markdown([("classifier", "temperature", "before", "after"), *errors])}
"""


def with_streams(text: str, report: Mapping[str, Any]) -> str:
    """A card that opens with a stream report, as `streams.stream_report` makes it, in the place of an earlier one."""
    tables = "\n\n".join(markdown(rows) for rows in stream_rows(report))
    section = (
        f"{_STREAMS}\n\nTest speakers, turn by turn with a running speaker baseline, class prior "
        f"{format_prior(report['prior'])}; recall in percent. `stser-train evaluate --streams` makes this table.\n\n"
    )
    before, data, after = text.partition(_DATA)
    return f"{before.partition(_STREAMS)[0]}{section}{tables}\n\n{data}{after}"


def stream_rows(report: Mapping[str, Any]) -> list[Rows]:
    """A stream report as tables, in percent: call-like streams, and routine calls."""
    streams: Rows = [("stream", "turns", *LABELS, "emotions", "ECE")]
    for band, kinds in report["streams"].items():
        for kind, one in kinds.items():
            found = (*_recalls(one["recall"]), percent(one["emotions"]), percent(one["ece"]))
            streams.append((f"{kind}, {band}", f"{one['turns']:,}", *found))
    if laid := report.get("laid_in"):
        recalls = _recalls({"neutral": laid["neutral"], **laid["recall"]})
        streams.append(("laid into routine calls", f"{laid['laid']:,}", *recalls, percent(laid["emotions"]), ""))
    routine: Rows = [("routine calls", "turns", "neutral", "emotional > 0.7", "false alerts an hour")]
    for call, one in report.get("routine", {}).items():
        proportions = (percent(one["neutral"]), percent(one["sure"]), f"{one['alerts_per_hour']:.1f}")
        routine.append((call, f"{one['turns']:,}", *proportions))
    return [rows for rows in (streams, routine) if len(rows) > 1]


def stream_tables(report: Mapping[str, Any]) -> list[Table]:
    """Call-like streams and routine calls, for the terminal."""
    prior = format_prior(report["prior"])
    title = f"{report['checkpoint']}: call-like streams (recall in percent), class prior {prior}"
    tables: list[Table] = []
    for head, *rows in stream_rows(report):
        table = _table("" if tables else title, head[:1], head[1:])
        for row in rows:
            table.add_row(*row)
        tables.append(table)
    return tables


def metrics_table(report: Mapping[str, Any]) -> Table:
    """Single clips: each classifier over all clips, by each breakdown of more than one value, by kinds of pairs.

    Of service texts, it is how many are called neutral.
    """
    head = ("n", "WA", "UA", *LABELS, "ECE")
    table = _table(f"{report['checkpoint']}: single clips (percent)", ("clips of", "classifier"), head)
    groups = {"all": {"all": report["classifiers"]}}
    groups |= {what: by_value for what, by_value in report["breakdown"].items() if len(by_value) > 1}
    groups |= {"pairs": report["pairs"]} if "pairs" in report else {}
    for what, by_value in groups.items():
        for value, classifiers in by_value.items():
            clips = value if what == "all" else f"{what}: {value}"
            for name, one in _apart(classifiers).items():
                metrics = (percent(one["wa"]), percent(one["ua"]), *_recalls(one["recall"]), percent(one["ece"]))
                table.add_row(clips, name, f"{one['n']:,}", *metrics)
        table.add_section()
    if service := report.get("service"):
        recalls = _recalls({"neutral": service["neutral"]})
        table.add_row("service texts", ENSEMBLE, f"{service['n']:,}", "–", "–", *recalls, "–")
    return table


def cross_validation_table(
    title: str, ours: Mapping[str, Mapping[str, Spread]], baselines: Mapping[str, Mapping[str, Any]]
) -> Table:
    """WA and UA, mean ± deviation, of our classifiers and of baselines, beside the paper's results."""
    table = _table(title, ("",), ("WA", "UA", "published WA", "published UA"))
    table.caption, table.caption_justify = "percent; published: IEMOCAP", "left"

    def add(name: str, metrics: Mapping[str, Spread] | None, published: tuple[float, float | None] | None) -> None:
        own = [f"{percent(one.mean)} ± {percent(one.sd)}" for one in (metrics["wa"], metrics["ua"])] if metrics else []
        theirs = ["–" if one is None else f"{one:.2f}" for one in published or ()]
        table.add_row(name, *(own or ["", ""]), *(theirs or ["", ""]))

    for name, metrics in _apart(ours).items():
        add(name, metrics, PUBLISHED_OURS.get(name))
    table.add_section()
    for name, results in baselines.items():
        add(name, results["summary"], None)
    table.add_section()
    for name, published in PUBLISHED_OTHERS.items():
        add(name, None, published)
    return table


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a Markdown table; the first is the heading."""
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *body])


def percent(value: float | None) -> str:
    """A fraction of 1 in percent; a dash for none."""
    return "–" if value is None else f"{100 * value:.1f}"


def _recalls(recall: Mapping[str, float]) -> list[str]:
    return [percent(recall.get(label)) for label in LABELS]


def _table(title: str, left: Sequence[str], right: Sequence[str]) -> Table:
    """A table with left- and right-justified columns."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    for heading in left:
        table.add_column(heading)
    for heading in right:
        table.add_column(heading, justify="right")
    return table


def _apart(classifiers: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without the ensemble of a lone classifier, which is that classifier."""
    return {name: one for name, one in classifiers.items() if name != ENSEMBLE or len(classifiers) != 2}


def _data_rows(train: Sequence[Clip], validation: Sequence[Clip]) -> Rows:
    rows: Rows = [("corpus", "part", "clips", "speakers", *LABELS)]
    for part, clips in (("training", train), ("validation", validation)):
        for corpus in sorted({clip.corpus for clip in clips}):
            own = [clip for clip in clips if clip.corpus == corpus]
            labels = Counter(clip.label for clip in own)
            speakers = f"{len({clip.speaker for clip in own}):,}"
            rows.append((corpus, part, f"{len(own):,}", speakers, *(f"{labels[label]:,}" for label in LABELS)))
    return rows
