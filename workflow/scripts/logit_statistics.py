"""Compute the full-rank logit metrics of every validation token, in one pass over the vocabulary."""

from typing import TYPE_CHECKING

import numpy as np
import torch

from easyhard.activations.store import count_rows, read_batches
from easyhard.device import use_device
from easyhard.job import job
from easyhard.logits.statistics import logit_statistics
from easyhard.model.store import read_head
from easyhard.progress import Progress
from easyhard.signals.store import write_columns

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

STATISTICS = ("target_probability", "max_probability", "max_logit", "max_minus_mean", "margin", "entropy")


def main() -> None:
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    head = read_head(snakemake.input.head).to(device)
    progress, done = Progress("logit statistics", count_rows(snakemake.input.activations), "tokens"), 0
    parts = []
    for batch in read_batches(snakemake.input.activations, ["hidden", "target"]):
        hidden = torch.tensor(batch["hidden"], device=device)
        target = torch.tensor(batch["target"], dtype=torch.int64, device=device)
        parts.append(logit_statistics(hidden, head, target, statistics=STATISTICS))
        progress.update(done := done + len(target))
    columns = {name: np.concatenate([part[name].cpu().numpy() for part in parts]) for name in STATISTICS}
    write_columns(snakemake.output[0], columns)


with job(snakemake):
    main()
