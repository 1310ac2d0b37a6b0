"""The signals of the logits at every low rank of the output head, each kind in one sweep over the vocabulary."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from easyhard.families.states import Batch, Context, Family, Tables
from easyhard.logits.low_rank import LOW_RANK_STATISTICS, PEARSON_TOKENS, LowRankSweep, logits_pearson
from easyhard.logits.moments import Moments
from easyhard.logits.refine import REFINED_STATISTICS
from easyhard.model.store import read_tensors
from easyhard.signals.tokens import FIT

WORDS = ("argmax", "refined_argmax")


def open_family(context: Context) -> Family:
    """`settings`: `kinds`, `ranks`, `refined` words, and `fit_too`: the kinds of which fit tokens are wanted as well.

    Only parted rows are refined and have words; the correlation of the logits is measured on the first 12,000 rows that
    are not parted, as the founding analysis does, or on those of them that lie in the first shard.
    """
    settings, parted = context.settings, context.part is not None
    refined = settings["refined"] if parted else 0
    sweeps = {
        kind: LowRankSweep(
            context.head,
            sorted(settings["ranks"]),
            kind=kind,
            states=read_weights(context.files["moments"], context.device) if kind == "weighted" else None,
            statistics=(*LOW_RANK_STATISTICS, "argmax") if parted else LOW_RANK_STATISTICS,
            refined=refined,
            softcap=context.softcap,
        )
        for kind in settings["kinds"]
    }
    names = [name for name in (*LOW_RANK_STATISTICS, *(REFINED_STATISTICS if refined else ())) if name not in WORDS]
    first_states: list[Tensor] = []
    wanted_states = 0 if parted or context.first else PEARSON_TOKENS

    def say(batch: Batch) -> Tables:
        if sum(map(len, first_states)) < wanted_states:
            first_states.append(batch.hidden)
        signals: dict[str, NDArray[Any]] = {}
        words: dict[str, NDArray[Any]] = {}
        for kind, sweep in sweeps.items():
            own = np.ones(len(batch.hidden), dtype=bool)
            if batch.part is not None and kind not in settings["fit_too"]:
                own = batch.part != FIT
            found = {
                f"{kind}/{rank}/{name}": values.cpu().numpy()
                for rank, computed in (sweep.run(batch.hidden[own]) if own.any() else {}).items()
                for name, values in computed.items()
            }
            for name in (f"{kind}/{rank}/{statistic}" for rank in sweep.ranks for statistic in names):
                signals[name] = np.full(len(own), np.nan, dtype=np.float32)  # what nobody reads is not computed
                if name in found:
                    signals[name][own] = found[name]
            if batch.test.any():
                words |= {name: found[name][batch.test[own]].astype(np.int32) for name in found if name.endswith(WORDS)}
        return {"signals": signals, "words": words} if parted else {"signals": signals}

    def summary() -> dict[str, Any]:
        ranked = [(kind, sweep, rank) for kind, sweep in sweeps.items() for rank in sweep.ranks]
        pearson: dict[str, float] = {}
        if first_states:
            for kind, sweep in sweeps.items():
                own = logits_pearson(torch.cat(first_states), sweep.moments, sweep.approximation, sweep.ranks)
                pearson |= {f"{kind}/{rank}": r for rank, r in own.items()}
        return {
            "coverage": {f"{kind}/{rank}": sweep.coverage(rank) for kind, sweep, rank in ranked},
            "seconds": {f"{kind}/{rank}": sweep.seconds[rank] for kind, sweep, rank in ranked},
            "logits_pearson": pearson,
            "refined": refined,
        }

    return Family(say, summary)


def read_weights(path: str | Path, device: torch.device) -> Moments:
    """Moments of the states of fit documents: those of test documents have no say in the factors."""
    stored = read_tensors(path)
    return Moments(int(stored["count"]), stored["mean"].to(device), stored["second"].to(device))
