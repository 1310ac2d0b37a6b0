"""Compute the full-rank logit metrics of one shard of the validation tokens, in one pass over the vocabulary."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from easyhard.activations.prefetch import prefetch
from easyhard.activations.store import count_rows, read_batches
from easyhard.device import use_device
from easyhard.job import job
from easyhard.logits.statistics import logit_statistics
from easyhard.model.store import read_head
from easyhard.progress import Progress
from easyhard.signals.store import write_batches

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

STATISTICS = ("target_probability", "max_probability", "max_logit", "max_minus_mean", "margin", "entropy")


def main() -> None:
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    head = read_head(snakemake.input.head).to(device)
    shard = [snakemake.input.activations]
    progress, done = Progress("logit statistics", count_rows(shard), "tokens"), 0

    def signals() -> Iterator[dict[str, NDArray[np.float32]]]:
        nonlocal done
        for batch in prefetch(read_batches(shard, ["hidden", "target"])):
            hidden = torch.tensor(batch["hidden"], device=device)
            target = torch.tensor(batch["target"], dtype=torch.int64, device=device)
            found = logit_statistics(hidden, head, target, statistics=STATISTICS)
            yield {name: values.cpu().numpy() for name, values in found.items()}
            progress.update(done := done + len(target))

    write_batches(snakemake.output[0], signals())


with job(snakemake):
    main()
