"""Read one shard of hidden states and losses from elsewhere."""

from snakemake.iocontainers import Snakemake

from easyhard.activations.store import write_shard
from easyhard.device import use_device
from easyhard.imports.activations import open_activations
from easyhard.imports.head import shard_batches
from easyhard.job import run
from easyhard.model.store import read_head
from easyhard.progress import Progress


def main(snakemake: Snakemake) -> None:
    settings, shard = snakemake.params.settings, int(snakemake.wildcards.shard)
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    own = open_activations(settings["input"], length=settings["length"], exits=settings["exits"])
    head = read_head(snakemake.input.head).to(device)
    progress = Progress(f"import shard {shard}", own.hidden.shape[0], "tokens")
    batches = shard_batches(own, head, shard=shard, shards=settings["activations"]["shards"], progress=progress)
    metadata = {"run": snakemake.wildcards.run, "code": snakemake.params.code}
    write_shard(snakemake.output[0], batches, head.shape[1], metadata)


run(main)
