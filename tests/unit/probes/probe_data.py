"""Probes' data whose states are all in memory, and probes fitted on it and asked about all of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from easyhard.probes.data import ProbeData
from easyhard.probes.ensemble import Fit, Trained, Values, columns_of, train
from easyhard.probes.tasks import Task

LOSS_SETTINGS: dict[str, Any] = {"test_share": 0.15, "validation_share": 0.15, "easy_threshold": 3.0}
LOSS_SETTINGS |= {"learning_rate": 3e-3, "batch_size": 128, "max_epochs": 25, "patience": 4}
METRIC_SETTINGS = {"test_share": 0.2, "hidden": 64, "learning_rate": 0.05, "batch_size": 64, "epochs": 40}
BLEND = {"easy_threshold": 3.0, "label_share": 0.25, "label_worth": 2.0}
Fitted = tuple[dict[str, Values], list[Trained]]


def states(tokens: int, dim: int = 6, seed: int = 0) -> torch.Tensor:
    return torch.randn(tokens, dim, generator=torch.Generator().manual_seed(seed))


def in_memory(
    hidden: torch.Tensor,
    tasks: Mapping[str, Task],
    *,
    fit: int,
    select: int,
    documents: np.ndarray | None = None,
    context: torch.Tensor | None = None,
) -> ProbeData:
    """The first `fit` tokens to fit on, then `select` to select by; documents are of 50 tokens where not given."""
    return ProbeData(
        hidden=hidden,
        kept=np.arange(len(hidden)),
        states=lambda: iter(hidden.split(500)),
        context=torch.empty(len(hidden), 0) if context is None else context,
        tasks=tasks,
        documents=np.arange(len(hidden)) // 50 if documents is None else documents,
        fit=np.arange(fit),
        select=np.arange(fit, fit + select),
    )


def whole_columns(data: ProbeData, fits: Sequence[Fit], trained: Sequence[Trained]) -> dict[str, Values]:
    return joined(columns_of(data, fits, trained))


def joined(batches: Iterable[Mapping[str, Values]]) -> dict[str, Values]:
    parts = list(batches)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def fit_and_say(
    data: ProbeData, probes: Sequence[str], settings: Mapping[str, Any], seeds: Sequence[int] = (0,)
) -> Fitted:
    """Each probe's values for every token, by probe@seed, and how it was trained."""
    every = np.arange(len(data.documents))
    fits = [Fit(f"{probe}@{seed}", probe, data.fit, seed, every) for probe in probes for seed in seeds]
    trained = train(data, fits, settings)
    return whole_columns(data, fits, trained), trained
