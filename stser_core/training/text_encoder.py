"""The pre-trained text encoder that a run starts from: an ALBERT of the Hugging Face Hub, or a folder."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import msgspec

from stser_core.config import AlbertConfig, TmodelConfig
from stser_core.encoders.hub import need_docstrings
from stser_core.errors import CheckpointError, reason
from stser_core.tmodel import Tmodel
from stser_core.tokenizer import TOKENIZER_FILE, Tokenizer


def pretrained(config: TmodelConfig) -> tuple[Tmodel, Tokenizer]:
    """Load the text encoder that a configuration names, by Hub id or folder, with its weights, and its tokenizer.

    The tmodel's config has the encoder's shape and, of a folder, its name alone. Raises `CheckpointError` where it
    cannot be loaded, or is not an ALBERT.
    """
    need_docstrings()
    from safetensors import SafetensorError
    from transformers import AlbertConfig as HubConfig
    from transformers import AlbertModel, AlbertTokenizer, utils

    encoder = config.encoder
    try:
        described: dict[str, Any] = HubConfig.get_config_dict(encoder)[0]
        if described.get("model_type") != "albert":
            raise CheckpointError(
                f"The text encoder {encoder!r} is not an ALBERT; its config.json says {described.get('model_type')!r}."
            )
        logging: Any = utils.logging  # without types
        logging.set_verbosity_error()  # else it prints a bar and a report
        logging.disable_progress_bar()
        loaded: Any = AlbertModel.from_pretrained(
            encoder, add_pooling_layer=config.pooling == "cls", output_loading_info=True, use_safetensors=True
        )
        tokenizer = AlbertTokenizer.from_pretrained(encoder)
    except (OSError, RuntimeError, SafetensorError, ValueError) as error:
        raise CheckpointError(f"The text encoder {encoder!r} cannot be loaded ({reason(error)}).") from error
    albert, found = loaded
    if found["missing_keys"]:
        first = sorted(found["missing_keys"])[0]
        raise CheckpointError(f"The text encoder {encoder!r} lacks some of its weights, {first} among them.")
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        raise CheckpointError(f"The text encoder {encoder!r} lacks its {TOKENIZER_FILE}.")
    name = Path(encoder).resolve().name if Path(encoder).is_dir() else encoder
    shape = albert.config.to_dict()
    try:
        known = {field.name: shape[field.name] for field in fields(AlbertConfig) if field.name in shape}
        tmodel = Tmodel(replace(config, encoder=name, albert=msgspec.convert(known, AlbertConfig)))
    except msgspec.ValidationError as error:
        raise CheckpointError(f"The text encoder {encoder!r} has a shape that is not supported ({error}).") from error
    tmodel.albert.load_state_dict(albert.state_dict())
    return tmodel, Tokenizer(tokenizer.backend_tokenizer, config.maximum_pieces, marks=config.marks)
