"""Run the trained model over one shard of a split and write hidden states and losses."""

from typing import TYPE_CHECKING, Any

import torch

from easyhard.activations.dump import activations, shard_bounds
from easyhard.activations.store import write_shard
from easyhard.atomic import read_json
from easyhard.device import use_device
from easyhard.job import job
from easyhard.model.lego import Lego
from easyhard.model.store import load_weights
from easyhard.progress import Progress
from easyhard.tokens.sequences import cut, cut_documents
from easyhard.tokens.store import read_stream

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main() -> None:
    settings: dict[str, Any] = snakemake.params.settings
    split, shard = snakemake.wildcards.split, int(snakemake.wildcards.shard)
    cutting, vocabulary_size = settings["sequences"], read_json(snakemake.input.summary)["vocabulary_size"]
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    model = Lego(vocabulary_size, **settings["model"], seed=0)  # the weights are loaded
    load_weights(model, snakemake.input.weights)
    model.to(device)

    stream = read_stream(snakemake.input.tokens)
    how = (cutting[split], cutting["length"], cutting["batch_size"])
    inputs, targets = cut(stream.token, *how)
    documents = cut_documents(stream.document, *how)
    first, end = shard_bounds(len(inputs), settings["activations"]["shards"])[shard]
    batches = activations(
        model,
        torch.tensor(inputs[first:end], dtype=torch.int64, device=device),
        torch.tensor(targets[first:end], dtype=torch.int64, device=device),
        documents[first:end],
        split=split,
        first_sequence=first,
        batch_size=cutting["batch_size"],
        progress=Progress(f"dump {split} shard {shard}", end - first, "sequences"),
    )
    metadata = {"run": snakemake.wildcards.run, "code": snakemake.params.code}
    write_shard(snakemake.output[0], batches, settings["model"]["dim"], metadata)


with job(snakemake):
    main()
