"""What a model's config.json says of it, before anything is loaded."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from easyhard.errors import InputError

LAYERS: Final = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
CONTEXT: Final = ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length")

FROM_PADDING: Final = (
    *("roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "data2vec-text", "xmod", "roberta-prelayernorm"),
    *("longformer", "ibert", "luke", "mpnet"),
)
"""Model types whose first position is that of the padding token's number, plus one."""


def read_config(path: str | Path) -> Mapping[str, Any]:
    """The language part of config.json in the folder `path`; empty where there is none, or none that can be read."""
    try:
        found = json.loads((Path(path).expanduser() / "config.json").read_text(encoding="utf-8"))
        own = found.get("text_config") or found
    except (OSError, ValueError, AttributeError):
        return {}
    return own if isinstance(own, Mapping) else {}


def first_number(config: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    """The first positive whole number that `config` has under one of `names`.

    >>> first_number({"n_positions": 1024}, CONTEXT)
    1024
    """
    found = (config.get(name) for name in names)
    return next((number for number in found if isinstance(number, int) and number > 0), None)


def longest_window(config: Mapping[str, Any]) -> int | None:
    """How many tokens the positions of a model reach; None where nothing limits them, or nothing tells.

    RoBERTa and its kin count positions from behind the padding token's number.

    >>> longest_window({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1})
    512
    """
    longest = first_number(config, CONTEXT)
    if longest is not None and config.get("model_type") in FROM_PADDING:
        longest -= (config.get("pad_token_id") or 0) + 1
    return longest


def check_window(folder: str | Path, window: int) -> None:
    """Raise InputError when windows of so many tokens are longer than the model in `folder` says that it reaches."""
    longest = longest_window(read_config(folder))
    if longest is not None and window > longest:
        raise InputError(
            f"model.window: {window} is beyond the {longest} tokens that {folder} reaches; at most {longest} is wanted"
        )
