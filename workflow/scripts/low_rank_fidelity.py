"""Measure what each rank keeps of the head and of its logits, and add up the seconds that its shards took."""

from typing import TYPE_CHECKING

import torch

from easyhard.activations.store import read_batches
from easyhard.atomic import read_json, write_json
from easyhard.device import use_device
from easyhard.job import job
from easyhard.logits.factors import factors
from easyhard.logits.low_rank import PEARSON_TOKENS, logits_pearson
from easyhard.logits.moments import moments
from easyhard.model.store import read_head

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def first_states(tokens: int, device: torch.device) -> torch.Tensor:
    parts: list[torch.Tensor] = []
    for batch in read_batches(snakemake.input.activations, ["hidden"]):
        parts.append(torch.tensor(batch["hidden"], device=device))
        if sum(map(len, parts)) >= tokens:
            break
    return torch.cat(parts)


def main() -> None:
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    head, ranks = moments(read_head(snakemake.input.head).to(device)), sorted(snakemake.params.ranks)
    approximation = factors("plain", head)
    correlations = logits_pearson(first_states(PEARSON_TOKENS, device), head, approximation, ranks)
    seconds = [read_json(path) for path in snakemake.input.seconds]
    fidelity = {
        str(rank): {
            "coverage": approximation.coverage(rank),
            "logits_pearson": correlations[rank],
            "seconds": sum(shard[str(rank)] for shard in seconds),
        }
        for rank in ranks
    }
    write_json(snakemake.output[0], {"plain": fidelity})


with job(snakemake):
    main()
