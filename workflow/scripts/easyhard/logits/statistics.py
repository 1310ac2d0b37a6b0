"""Statistics of every token's logits, by interchangeable implementations behind one call."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from easyhard.errors import InputError
from easyhard.logits import reference, tiled
from easyhard.logits.arguments import check_states, check_targets
from easyhard.logits.request import Request

Implementation = Literal["auto", "reference", "tiled"]
Gather = Callable[[Tensor, Tensor, Tensor | None, Request], dict[str, Tensor]]
IMPLEMENTATIONS: dict[str, Gather] = {"reference": reference.gather, "tiled": tiled.gather, "auto": tiled.gather}


def logit_statistics(
    hidden: Tensor,
    head: Tensor,
    targets: Tensor | None = None,
    *,
    statistics: Sequence[str],
    bias: Tensor | None = None,
    softcap: float | None = None,
    top_k: int = 2,
    tail_thresholds: Sequence[float] = (3.0,),
    implementation: Implementation = "auto",
) -> dict[str, Tensor]:
    request = Request(tuple(statistics), bias, softcap, top_k, tuple(tail_thresholds))
    check_states(hidden, head)
    if targets is not None:
        check_targets(targets, len(hidden), len(head))
    request.check(len(head), targets)
    if implementation not in IMPLEMENTATIONS:
        raise InputError(f"implementation: {implementation!r}; one of {', '.join(IMPLEMENTATIONS)} is wanted")
    with torch.no_grad():
        return IMPLEMENTATIONS[implementation](hidden.contiguous(), head.contiguous(), targets, request)
