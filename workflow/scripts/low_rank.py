"""Compute the logit metrics at every low rank of the output head, in one sweep."""

from typing import TYPE_CHECKING

import torch

from easyhard.activations.store import read_columns
from easyhard.atomic import write_json
from easyhard.device import use_device
from easyhard.job import job
from easyhard.logits.low_rank import low_rank_statistics
from easyhard.model.store import read_head
from easyhard.progress import Progress
from easyhard.signals.store import write_columns

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main() -> None:
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    head = read_head(snakemake.input.head).to(device)
    hidden = torch.from_numpy(read_columns(snakemake.input.activations, ["hidden"])["hidden"]).to(device)
    progress = Progress("low rank", len(hidden), "tokens")
    ranks = low_rank_statistics(hidden, head, sorted(snakemake.params.ranks), progress=progress.update)
    columns = {
        f"plain/{rank}/{name}": values.cpu().numpy()
        for rank, found in ranks.items()
        for name, values in found.statistics.items()
    }
    fidelity = {
        str(rank): {"coverage": found.coverage, "logits_pearson": found.logits_pearson, "seconds": found.seconds}
        for rank, found in ranks.items()
    }
    write_columns(snakemake.output.signals, columns)
    write_json(snakemake.output.fidelity, {"plain": fidelity})


with job(snakemake):
    main()
