"""Compute the logit metrics of one shard at every low rank of the output head, in one sweep."""

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
from easyhard.logits.low_rank import LowRankSweep
from easyhard.model.store import read_head
from easyhard.progress import Progress
from easyhard.signals.store import write_batches

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main() -> None:
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    sweep = LowRankSweep(read_head(snakemake.input.head).to(device), sorted(snakemake.params.ranks))
    shard = [snakemake.input.activations]
    progress, done = Progress("low rank", count_rows(shard), "tokens"), 0

    def signals() -> Iterator[dict[str, NDArray[np.float32]]]:
        nonlocal done
        for batch in prefetch(read_batches(shard, ["hidden"])):
            found = sweep.run(torch.tensor(batch["hidden"], device=device))
            yield {
                f"plain/{rank}/{name}": values.cpu().numpy() for rank in found for name, values in found[rank].items()
            }
            progress.update(done := done + len(batch["hidden"]))

    write_batches(snakemake.output.signals, signals())
    write_json(snakemake.output.seconds, {str(rank): sweep.seconds[rank] for rank in sweep.ranks})


with job(snakemake):
    main()
