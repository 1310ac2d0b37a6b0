"""Run the trained model over one shard of all validation and test documents and write hidden states and losses."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from easyhard.activations.dump import activations
from easyhard.activations.store import Columns, write_shard
from easyhard.atomic import read_json
from easyhard.device import use_device
from easyhard.job import job
from easyhard.model.lego import Lego
from easyhard.model.store import load_weights
from easyhard.progress import Progress
from easyhard.tokens.store import read_stream
from easyhard.tokens.vocabulary import PADDING
from easyhard.tokens.windows import cut_windows, shard_windows

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


SPLITS = ("validation", "test")


def without_padding(batches: Iterator[Columns]) -> Iterator[Columns]:
    for batch in batches:
        real = batch["target"] != PADDING
        yield {name: values[real] for name, values in batch.items()}


def main() -> None:
    settings: dict[str, Any] = snakemake.params.settings
    shard, length = int(snakemake.wildcards.shard), settings["sequences"]["length"]
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    model = Lego(read_json(snakemake.input.summary)["vocabulary_size"], **settings["model"], seed=0)
    load_weights(model, snakemake.input.weights)
    model.to(device)

    windows = [cut_windows(read_stream(snakemake.input[split]), length, settings["tokens"]) for split in SPLITS]
    documents = np.concatenate([part.document for part in windows])
    own = shard_windows(documents, settings["activations"]["shards"])[shard]

    def batches() -> Iterator[Columns]:
        before = 0  # windows of the splits before
        for split, part in zip(SPLITS, windows, strict=True):
            first = max(own.start - before, 0)
            mine = part[first : max(own.stop - before, 0)]
            yield from activations(
                model,
                torch.tensor(mine.inputs, dtype=torch.int64, device=device),
                torch.tensor(mine.targets, dtype=torch.int64, device=device),
                np.broadcast_to(mine.document[:, None], mine.inputs.shape),
                split=split,
                first_sequence=before + first,
                batch_size=settings["sequences"]["batch_size"],
                progress=Progress(f"dump all {split} documents, shard {shard}", len(mine.inputs), "sequences"),
            )
            before += len(part.document)

    metadata = {"run": snakemake.wildcards.run, "code": snakemake.params.code}
    write_shard(snakemake.output[0], without_padding(batches()), settings["model"]["dim"], metadata)


with job(snakemake):
    main()
