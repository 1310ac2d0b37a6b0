"""For the test tokens of one shard, the most probable word, and losses of targets drawn from the model itself."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from easyhard.activations.prefetch import prefetch
from easyhard.activations.store import count_rows, read_where
from easyhard.device import use_device
from easyhard.job import job
from easyhard.logits.draws import draw_targets
from easyhard.logits.statistics import logit_statistics
from easyhard.model.store import read_head, read_softcap
from easyhard.progress import Progress
from easyhard.signals.fair import TEST, read_parts
from easyhard.signals.store import write_batches

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main() -> None:
    settings = snakemake.params.settings
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    head = read_head(snakemake.input.head).to(device)
    softcap = read_softcap(snakemake.input.head)
    shard, first = [snakemake.input.activations], count_rows(snakemake.input.before)
    tests = read_parts(snakemake.input.tokens) == TEST
    drawn_before, test = int(tests[:first].sum()), tests[first : first + count_rows(shard)]
    progress, done = Progress("words of test tokens", int(test.sum()), "tokens"), 0

    def words() -> Iterator[dict[str, NDArray[np.generic]]]:
        nonlocal done
        for batch in prefetch(read_where(shard, ["hidden"], test)):
            states = torch.tensor(batch["hidden"], device=device)
            first_row = drawn_before + done
            _, drawn = draw_targets(
                states, head, draws=settings["draws"], seed=settings["seed"], first_row=first_row, softcap=softcap
            )
            argmax = logit_statistics(states, head, statistics=("argmax",), softcap=softcap)["argmax"]
            yield {
                "argmax": argmax.cpu().numpy().astype(np.int32),
                **{f"draw_{index}": column.cpu().numpy() for index, column in enumerate(drawn.T)},
            }
            progress.update(done := done + len(states))

    write_batches(snakemake.output[0], words())


with job(snakemake):
    main()
