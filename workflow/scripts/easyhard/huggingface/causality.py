"""Whether a model looks ahead: a state that has seen its target would make every figure that follows nonsense."""

import torch
from torch import Tensor

from easyhard.errors import InputError
from easyhard.huggingface.model import CausalModel

WINDOWS, LENGTH = 8, 48
LEAST = 1e-5  # of a state's size
NOISE = 10
"""A change counts that is so many times what the model's own rounding does to the same states."""


def check_causal(model: CausalModel) -> float:
    """How much states change, as a share of their size, when only tokens after them change.

    On windows of any words, each changed from a place of its own on: for every distance before that place the median
    over the windows, of these the largest. So a leak of one token is found, and a mixture of experts, whose routing
    rounding may turn for a token here and there, is not taken for one. What other windows in the same batch do to a
    window's states is rounding, and is measured. Raises InputError naming a model that looks ahead.
    """
    words = int(model.network.get_input_embeddings().weight.shape[0])
    length = min(LENGTH, model.longest or LENGTH)
    random = torch.Generator().manual_seed(0)
    first, second = (torch.randint(words, (WINDOWS, length), generator=random) for _ in range(2))
    others = [torch.randint(words, (WINDOWS, length), generator=random) for _ in range(2)]
    split = torch.randint(length // 2, length, (WINDOWS,), generator=random)
    later = torch.arange(length) >= split[:, None]
    changed = torch.where(later, second, first)
    states = [
        _states(model, torch.cat(pair)) for pair in ((first, others[0]), (first, others[1]), (changed, others[0]))
    ]
    alone, beside, after = (own[:WINDOWS] for own in states)
    rounding, leak = (_largest(alone, other, split) for other in (beside, after))
    least = max(LEAST, float(torch.finfo(states[0].dtype).eps) / 4)
    if not leak <= max(NOISE * rounding, least):
        raise InputError(
            f"model.path: {model.label} looks ahead: its states change by {leak:.2g} of their size when only later "
            "tokens change; a causal language model, whose states see no token after their own, is wanted"
        )
    return leak


def _states(model: CausalModel, inputs: Tensor) -> Tensor:
    states = model.run(inputs.to(next(model.network.parameters()).device))[0].cpu()
    if not bool(states.isfinite().all()):
        kind = str(states.dtype).removeprefix("torch.")
        raise InputError(
            f"model.path: {model.label} has states that are not finite as {kind}; finite ones, which another "
            "model.dtype may give, are wanted"
        )
    return states


def _largest(one: Tensor, other: Tensor, split: Tensor) -> float:
    """Of states (windows, length, dim): over the distances before each split the largest median of their change."""
    size = one.float().norm(dim=2).clamp(min=torch.finfo(torch.float32).tiny)
    change = (one.float() - other.float()).norm(dim=2) / size
    before = torch.stack([change[window, : int(end)].flip(0)[: int(split.min())] for window, end in enumerate(split)])
    return float(before.median(dim=0).values.max())
