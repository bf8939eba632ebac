"""The tmodel: a transcript's word pieces → pre-trained ALBERT → text vector (section 3.2 of the paper)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from stser_core.errors import CheckpointError
from stser_core.text import normalise

if TYPE_CHECKING:
    from tokenizers import Tokenizer as PieceTokenizer
    from transformers import AlbertModel

TOKENIZER_FILE = "tokenizer.json"

_WORD_START = "▁"


@dataclass(frozen=True)
class TextSettings:
    """The tmodel's shape.

    Attributes:
        encoder: Where its weights came from: a Hugging Face Hub id (the paper's is `albert-base-v2`) or a
            folder in the Hub's format.
        albert: The ALBERT configuration, in the Hub's words; empty until the encoder has been loaded once.
        pooling: The text vector: ALBERT's pooled first position `cls`, or the `mean` over all pieces.
        maximum_pieces: Longer transcripts lose their end.
        marks: Whether question and exclamation marks are read, where a transcript has them.
    """

    encoder: str = "albert-base-v2"
    albert: dict[str, Any] = field(default_factory=dict)
    pooling: Literal["cls", "mean"] = "cls"
    maximum_pieces: int = 96
    marks: bool = False

    @property
    def vector_size(self) -> int:
        """Length of the text vector."""
        return int(self.albert["hidden_size"])


class Tmodel(nn.Module):
    """Word pieces to text vectors."""

    def __init__(self, settings: TextSettings) -> None:
        super().__init__()
        from transformers import AlbertConfig, AlbertModel

        self.settings = settings
        self.albert = AlbertModel(AlbertConfig(**settings.albert), add_pooling_layer=settings.pooling == "cls")

    def forward(self, pieces: Tensor, mask: Tensor) -> Tensor:
        """Encode a padded batch.

        Args:
            pieces: int64 [batch, n] piece ids, with the special ones at both ends.
            mask: int64 [batch, n], 1 where there is a piece.

        Returns:
            float32 [batch, vector].
        """
        out = self.albert(input_ids=pieces, attention_mask=mask)
        if self.settings.pooling == "cls":
            pooled: Tensor = out.pooler_output
            return pooled
        weight = mask[:, :, None].to(out.last_hidden_state.dtype)
        mean: Tensor = (out.last_hidden_state * weight).sum(1) / weight.sum(1)
        return mean


@dataclass(frozen=True)
class Encoded:
    """A padded batch of transcripts: piece ids and mask, both int64 [batch, n], and each one's unknown share."""

    pieces: Tensor
    mask: Tensor
    unknown: tuple[float, ...]


class Tokenizer:
    """Transcripts to word pieces, through the text encoder's own vocabulary."""

    def __init__(self, pieces: PieceTokenizer, maximum_pieces: int, *, marks: bool = False) -> None:
        self._pieces = pieces
        self._marks = marks
        self._pieces.enable_truncation(maximum_pieces)
        self._pieces.enable_padding(pad_id=pieces.token_to_id("<pad>") or 0, pad_token="<pad>")
        self._unknown = pieces.token_to_id("<unk>")
        marks_or_nothing = {pieces.token_to_id(start + mark) for start in ("", _WORD_START) for mark in ("", "!", "?")}
        self._no_word = marks_or_nothing - {None}

    @classmethod
    def load(cls, folder: Path, maximum_pieces: int, *, marks: bool = False) -> Tokenizer:
        """Load a folder's `tokenizer.json`; see `TextSettings` for the rest.

        Raises:
            CheckpointError: The file is missing or broken.
        """
        from tokenizers import Tokenizer as PieceTokenizer

        path = folder / TOKENIZER_FILE
        try:
            return cls(PieceTokenizer.from_str(path.read_text(encoding="utf-8")), maximum_pieces, marks=marks)
        except Exception as error:
            raise CheckpointError(f"{path} cannot be read as a tokenizer ({error}).") from error

    def save(self, folder: Path) -> None:
        """Write `tokenizer.json` into a folder."""
        self._pieces.save(str(folder / TOKENIZER_FILE))

    def __call__(self, texts: Sequence[str]) -> Encoded:
        """Encode transcripts; each is normalised first, as in training."""
        batch = self._pieces.encode_batch([normalise(text, marks=self._marks) for text in texts])
        return Encoded(
            torch.tensor([one.ids for one in batch]),
            torch.tensor([one.attention_mask for one in batch]),
            tuple(self._unknown_share(one.ids, sum(one.attention_mask)) for one in batch),
        )

    def _unknown_share(self, ids: list[int], length: int) -> float:
        """Unknown pieces among a transcript's own; marks, and the bare word start before an unknown word, are none."""
        unknown = sum(piece == self._unknown for piece in ids)
        no_words = sum(piece in self._no_word for piece in ids)
        return unknown / max(1, length - 2 - no_words)


def pretrained(settings: TextSettings) -> tuple[Tmodel, Tokenizer]:
    """Load a text encoder with its weights, from the Hub or from a folder in the Hub's format.

    Args:
        settings: `encoder` says which.

    Returns:
        The tmodel, whose settings now hold the ALBERT configuration (and of a folder its name alone: where it lay
        is nobody's business), and its tokenizer.

    Raises:
        CheckpointError: The encoder cannot be had, or is no ALBERT.
    """
    from dataclasses import replace

    albert, pieces = _read(settings.encoder, pooler=settings.pooling == "cls")
    name = Path(settings.encoder).resolve().name if Path(settings.encoder).is_dir() else settings.encoder
    known = replace(settings, encoder=name, albert=_described(albert.config.to_diff_dict()))
    tmodel = Tmodel(known)
    tmodel.albert.load_state_dict(albert.state_dict())
    return tmodel, Tokenizer(pieces, settings.maximum_pieces, marks=settings.marks)


def _read(encoder: str, *, pooler: bool) -> tuple[AlbertModel, PieceTokenizer]:
    """An ALBERT with all its weights and its vocabulary; transformers would make up what it does not find."""
    from safetensors import SafetensorError
    from transformers import AlbertConfig, AlbertModel, AlbertTokenizer

    try:
        kind = AlbertConfig.get_config_dict(encoder)[0].get("model_type")
        if kind != "albert":
            raise CheckpointError(f"The text encoder {encoder!r} is no ALBERT; its config.json says {kind!r}.")
        with _silence():
            loaded: Any = AlbertModel.from_pretrained(
                encoder, add_pooling_layer=pooler, output_loading_info=True, use_safetensors=True
            )
            tokenizer = AlbertTokenizer.from_pretrained(encoder)
    except (OSError, RuntimeError, SafetensorError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise CheckpointError(f"The text encoder {encoder!r} cannot be loaded ({reason}).") from error
    albert, found = loaded
    if found["missing_keys"]:
        first = sorted(found["missing_keys"])[0]
        raise CheckpointError(f"The text encoder {encoder!r} lacks some of its weights, {first} among them.")
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        raise CheckpointError(f"The text encoder {encoder!r} lacks its {TOKENIZER_FILE}.")
    return albert, tokenizer.backend_tokenizer


@contextmanager
def _silence() -> Iterator[None]:
    """Keep transformers from showing a bar and a report while it loads; what matters in it is judged here."""
    from transformers import utils

    logging: Any = utils.logging  # it has no types
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def _described(config: dict[str, Any]) -> dict[str, Any]:
    left_out = {
        "transformers_version",
        "architectures",
        "dtype",
        "torch_dtype",
        "model_type",
        "_name_or_path",
    }
    from transformers import AlbertConfig

    size = {"hidden_size": AlbertConfig().hidden_size}
    return size | {key: value for key, value in config.items() if key not in left_out}
