"""From a model and windows of text to activations, batch by batch."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from easyhard.activations.store import Columns
from easyhard.errors import InputError
from easyhard.huggingface.model import CausalModel, OutputHead
from easyhard.logits.statistics import logit_statistics
from easyhard.progress import Progress
from easyhard.tokens.encoding import TokenStream
from easyhard.tokens.packing import NO_TOKEN, TextWindows, cut_text

SPLIT = "fair"  # validation and test documents alike


def text_windows(
    streams: list[TokenStream], settings: Mapping[str, Any], tokens: Mapping[str, Any], at_most: int | None
) -> TextWindows:
    """Windows of the splits' streams, of the first `at_most` tokens of each, one after another.

    settings: `packing` (document or packed) and `window`; tokens: `start` and `end` as the tokeniser has them. Raises
    InputError when documents are to be packed without an end token to join them by.
    """
    joined = TokenStream(
        np.concatenate([stream.token[:at_most] for stream in streams]),
        np.concatenate([stream.document[:at_most] for stream in streams]),
    )
    packed = settings["packing"] == "packed"
    if packed and tokens["end"] is None:
        raise InputError("model.packing: packed joins documents by EOS, which this tokenizer lacks; document is wanted")
    return cut_text(joined, settings["window"], start=tokens["start"], between=tokens["end"] if packed else None)


def check_fit(model: CausalModel, window: int, words: int, highest_id: int) -> None:
    """Raise InputError when windows are longer than the model's context, or an id is beyond its `words` words."""
    if model.longest is not None and window > model.longest:
        raise InputError(f"model.window: {window} is beyond the {model.longest} tokens that {model.label} reaches")
    if highest_id >= words:
        raise InputError(
            f"model.path: the tokenizer of {model.label} gives id {highest_id}, its head has {words} words; "
            "tokenizer and weights of one model are wanted"
        )


@torch.no_grad()
def dump(
    model: CausalModel, head: OutputHead, windows: TextWindows, *, batch_size: int, progress: Progress
) -> Iterator[Columns]:
    """Columns of the activations for `write_shard`, a batch of windows at a time, of rows that foretell a token.

    `hidden` is what the head sees, with a last coordinate 1 where the head has a bias; `loss` is that of the head's
    logits in float32, softly capped where the model does so.
    """
    device = head.weight.device
    matrix = head.matrix
    for first in range(0, len(windows), batch_size):
        own = windows[first : first + batch_size]
        rows, position = np.nonzero(own.targets != NO_TOKEN)
        if not len(rows):
            continue
        inputs = torch.tensor(own.inputs.clip(min=0), dtype=torch.int64, device=device)  # what fills up comes last
        hidden, _ = model.run(inputs)
        states = head.states(hidden[torch.from_numpy(rows), torch.from_numpy(position)])
        targets = own.targets[rows, position]
        known = torch.tensor(targets, dtype=torch.int64, device=device)
        loss = logit_statistics(states, matrix, known, statistics=("loss",), softcap=head.softcap)["loss"]
        yield {
            "sequence": own.sequence[rows, position],
            "position": position.astype(np.int16),
            "document": own.document[rows, position],
            "token": own.inputs[rows, position],
            "target": targets,
            "split": np.full(len(targets), SPLIT),
            "loss": loss.clamp(min=0).cpu().numpy(),
            "hidden": states.cpu().numpy(),
        }
        progress.update(first + len(own))
