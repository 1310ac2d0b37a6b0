"""All signals of the logits for a batch of tokens: one pass over the vocabulary."""

from collections.abc import Collection
from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from easyhard.logits.request import Scaled
from easyhard.logits.statistics import logit_statistics
from easyhard.signals.declare import LOGIT_STATISTICS, SCALED, TARGET_STATISTICS, computable, compute
from easyhard.signals.head import SCALED_TAIL_THRESHOLDS, TAIL_THRESHOLDS, TOP_K
from easyhard.signals.tokens import train_surprisal


def head_signals(
    hidden: Tensor,
    head: Tensor,
    targets: Tensor | None = None,
    *,
    temperature: float | None = None,
    counts: ArrayLike | None = None,
    softcap: float | None = None,
    only: Collection[str] | None = None,
) -> dict[str, Tensor]:
    """Name -> (tokens,) float32 of every signal of class head, and of class target where there are targets.

    hidden (tokens, dim), head (words, dim) and targets (tokens,) as logit_statistics takes them; no (tokens, words)
    array. softcap is that of the logits; temperature divides the logits of the scaled signals; counts (words,) are how
    often training saw each word. Signals that read one that is missing are left out, and, where `only` names some, all
    others. Raises InputError naming the argument or signal that is wrong.
    """
    plain = [name for name in LOGIT_STATISTICS if targets is not None or name not in TARGET_STATISTICS]
    values: dict[str, Any] = {"words": len(head)}
    if counts is not None:
        values["train_surprisal"] = torch.tensor(train_surprisal(counts), device=hidden.device)
    scaled = [SCALED + name for name in plain] if temperature is not None else []
    known = computable(["head", "target"], {*values, *plain, *scaled})
    signals = [entry for entry in known if only is None or entry.name in only]
    read = {name for entry in signals for name in entry.reads}

    cold = None
    if temperature is not None:
        cold = Scaled(temperature, tuple(name for name in plain if SCALED + name in read), SCALED_TAIL_THRESHOLDS)
    values |= logit_statistics(
        hidden,
        head,
        targets,
        statistics=[name for name in plain if name in read],
        softcap=softcap,
        top_k=min(TOP_K, len(head)),
        tail_thresholds=TAIL_THRESHOLDS,
        scaled=cold,
    )
    return {name: column.float() for name, column in compute(signals, values, len(hidden)).items()}
