"""Compute the logit metrics at every low rank of the output head, in one sweep."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from easyhard.activations.prefetch import prefetch
from easyhard.activations.store import count_rows, read_batches
from easyhard.atomic import write_json
from easyhard.device import use_device
from easyhard.job import job
from easyhard.logits.low_rank import PEARSON_TOKENS, LowRankSweep
from easyhard.model.store import read_head
from easyhard.progress import Progress
from easyhard.signals.store import write_batches

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def hidden_states(device: torch.device) -> Iterator[torch.Tensor]:
    for batch in prefetch(read_batches(snakemake.input.activations, ["hidden"])):
        yield torch.tensor(batch["hidden"], device=device)


def first_states(device: torch.device, tokens: int) -> torch.Tensor:
    parts: list[torch.Tensor] = []
    for hidden in hidden_states(device):
        parts.append(hidden)
        if sum(map(len, parts)) >= tokens:
            break
    return torch.cat(parts)


def main() -> None:
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    sweep = LowRankSweep(read_head(snakemake.input.head).to(device), sorted(snakemake.params.ranks))
    progress, done = Progress("low rank", count_rows(snakemake.input.activations), "tokens"), 0

    def signals() -> Iterator[dict[str, NDArray[np.float32]]]:
        nonlocal done
        for hidden in hidden_states(device):
            found = sweep.run(hidden)
            yield {
                f"plain/{rank}/{name}": values.cpu().numpy() for rank in found for name, values in found[rank].items()
            }
            progress.update(done := done + len(hidden))

    write_batches(snakemake.output.signals, signals())
    correlations = sweep.logits_pearson(first_states(device, PEARSON_TOKENS))
    fidelity = {
        str(rank): {
            "coverage": sweep.coverage(rank),
            "logits_pearson": correlations[rank],
            "seconds": sweep.seconds[rank],
        }
        for rank in sweep.ranks
    }
    write_json(snakemake.output.fidelity, {"plain": fidelity})


with job(snakemake):
    main()
