"""How a model from elsewhere is run over windows of text for `activations.dump`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from easyhard.activations.dump import Run
from easyhard.errors import InputError
from easyhard.huggingface.model import CausalModel, OutputHead
from easyhard.logits.statistics import logit_statistics
from easyhard.protocols import DOCUMENTS
from easyhard.tokens.encoding import TokenStream
from easyhard.tokens.windows import Windows, cut_text


def text_windows(
    streams: Sequence[TokenStream], settings: Mapping[str, Any], tokens: Mapping[str, Any], at_most: int | None
) -> Windows:
    """Windows of the splits' streams, of at most `at_most` tokens of each, one after another.

    settings: `packing` (document or packed) and `window`; tokens: `start` and `end` as the tokeniser has them. Raises
    InputError when documents are to be packed without an end token to join them by.
    """
    parts = [stream.within(at_most) for stream in streams]
    joined = TokenStream(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("token", "document")))
    packed = settings["packing"] == "packed"
    if packed and tokens["end"] is None:
        raise InputError("model.packing: packed joins documents by EOS, which this tokenizer lacks; document is wanted")
    between = tokens["end"] if packed else None
    return cut_text(joined, settings["window"], DOCUMENTS, start=tokens["start"], between=between)


def check_fit(model: CausalModel, window: int, words: int, highest_id: int) -> None:
    """Raise InputError when windows are longer than the model's context, or an id is beyond its `words` words."""
    if model.longest is not None and window > model.longest:
        raise InputError(f"model.window: {window} is beyond the {model.longest} tokens that {model.label} reaches")
    if highest_id >= words:
        raise InputError(
            f"model.path: the tokenizer of {model.label} gives id {highest_id}, its head has {words} words; "
            "tokenizer and weights of one model are wanted"
        )


def run_huggingface(model: CausalModel, head: OutputHead) -> Run:
    """How `dump` runs `model`: its states are what `head` sees, with a last coordinate 1 where the head has a bias.

    The loss is that of the head's logits in float32, softly capped where the model does so.
    """
    matrix, device = head.matrix, head.weight.device

    @torch.no_grad()
    def run(windows: Windows, wanted: NDArray[np.bool_]) -> tuple[Tensor, Tensor]:
        inputs = torch.tensor(windows.inputs.clip(min=0), dtype=torch.int64, device=device)  # what fills up comes last
        hidden, _ = model.run(inputs)
        states = head.states(hidden[torch.from_numpy(wanted)])
        targets = torch.tensor(windows.targets[wanted], dtype=torch.int64, device=device)
        loss = logit_statistics(states, matrix, targets, statistics=("loss",), softcap=head.softcap)["loss"]
        return states, loss.clamp(min=0)

    return run
