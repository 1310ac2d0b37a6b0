"""Compute every signal of the logits, plain and at the fitted temperature, for one shard of the protocol fair."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from easyhard.activations.prefetch import prefetch
from easyhard.activations.store import count_rows, read_batches
from easyhard.atomic import read_json
from easyhard.device import use_device
from easyhard.job import job
from easyhard.model.store import read_head, read_softcap
from easyhard.progress import Progress
from easyhard.signals.head_batch import head_signals
from easyhard.signals.store import read_columns, write_batches

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main() -> None:
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    head = read_head(snakemake.input.head).to(device)
    temperature = read_json(snakemake.input.summary)["temperature"]
    counts = snakemake.input.get("counts")
    counts = read_columns(counts, ["count"], rows=len(head))["count"] if counts else None
    softcap = read_softcap(snakemake.input.head)
    shard = [snakemake.input.activations]
    progress, done = Progress("signals of the logits", count_rows(shard), "tokens"), 0

    def signals() -> Iterator[dict[str, NDArray[np.float32]]]:
        nonlocal done
        for batch in prefetch(read_batches(shard, ["hidden", "target"])):
            hidden = torch.tensor(batch["hidden"], device=device)
            target = None if temperature is None else torch.tensor(batch["target"], dtype=torch.int64, device=device)
            found = head_signals(hidden, head, target, temperature=temperature, counts=counts, softcap=softcap)
            yield {name: values.cpu().numpy() for name, values in found.items()}
            progress.update(done := done + len(hidden))

    write_batches(snakemake.output[0], signals())


with job(snakemake):
    main()
