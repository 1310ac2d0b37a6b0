"""Run the trained model over one shard of all documents of a split and write hidden states and losses."""

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


def without_padding(batches: Iterator[Columns]) -> Iterator[Columns]:
    for batch in batches:
        real = batch["target"] != PADDING
        yield {name: values[real] for name, values in batch.items()}


def main() -> None:
    settings: dict[str, Any] = snakemake.params.settings
    split, shard = snakemake.wildcards.split, int(snakemake.wildcards.shard)
    length, batch_size = settings["sequences"]["length"], settings["sequences"]["batch_size"]
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    model = Lego(read_json(snakemake.input.summary)["vocabulary_size"], **settings["model"], seed=0)
    load_weights(model, snakemake.input.weights)
    model.to(device)

    windows = cut_windows(read_stream(snakemake.input.tokens), length, settings["tokens"])
    part = shard_windows(windows.document, settings["activations"]["shards"])[shard]
    own = windows[part]
    batches = activations(
        model,
        torch.tensor(own.inputs, dtype=torch.int64, device=device),
        torch.tensor(own.targets, dtype=torch.int64, device=device),
        np.broadcast_to(own.document[:, None], own.inputs.shape),
        first_sequence=part.start,
        batch_size=batch_size,
        progress=Progress(f"dump all {split} documents, shard {shard}", len(own.inputs), "sequences"),
    )
    metadata = {"run": snakemake.wildcards.run, "code": snakemake.params.code}
    write_shard(snakemake.output[0], without_padding(batches), settings["model"]["dim"], split, metadata)


with job(snakemake):
    main()
