"""What is fitted on the states of a run before a pass over them: on fit tokens, or on those of training."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from easyhard.activations.prefetch import prefetch
from easyhard.activations.store import count_rows, read_where
from easyhard.logits.moments import Moments, moments, pooled
from easyhard.logits.temperature import fit_temperature
from easyhard.signals.hidden_batch import References, fit_references
from easyhard.signals.tokens import FIT, read_parts

Shards = Sequence[str | Path]

CALIBRATION_TOKENS = 8_192  # of the fit part, evenly spaced; one more pass over the vocabulary for each step of the fit


def fit_head(
    activations: Shards, tokens: str | Path, head: Tensor, softcap: float | None, device: torch.device
) -> dict[str, Any]:
    """What is to be known of the head (words, dim): `words`, `dim`, and the `temperature` of its softmax.

    The temperature is fitted on fit tokens; None where targets are not known. Raises InputError naming a damaged file.
    """
    fit = np.flatnonzero(read_parts(tokens) == FIT)
    wanted = np.zeros(count_rows(activations), dtype=bool)
    wanted[fit[:: -(-len(fit) // CALIBRATION_TOKENS)]] = True
    batches = list(prefetch(read_where(activations, ["hidden", "target"], wanted)))
    columns = (np.concatenate([batch[name] for batch in batches]) for name in ("hidden", "target"))
    hidden, target = (torch.tensor(column, device=device) for column in columns)
    known = bool((target >= 0).all())
    temperature = fit_temperature(hidden, head, target.long(), softcap=softcap) if known else None
    return {"words": len(head), "dim": head.shape[1], "temperature": temperature}


def fit_moments(activations: Shards, tokens: str | Path, device: torch.device) -> Moments:
    """The moments of the states of fit documents, which weight a low rank of the head."""
    return pooled(moments(states) for states in _states(activations, read_parts(tokens) == FIT, device))


def fit_reference_states(
    activations: Shards, tokens: str | Path | None, *, seed: int, count: int, device: torch.device
) -> References:
    """The states that distances are measured to: of all rows, or, where `tokens` says which, of fit tokens."""
    wanted = np.ones(count_rows(activations), dtype=bool) if tokens is None else read_parts(tokens) == FIT
    return fit_references(_states(activations, wanted, device), int(wanted.sum()), seed=seed, count=count)


def _states(activations: Shards, wanted: NDArray[np.bool_], device: torch.device) -> Iterator[Tensor]:
    for batch in prefetch(read_where(activations, ["hidden"], wanted)):
        yield torch.tensor(batch["hidden"], device=device)
