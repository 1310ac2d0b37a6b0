"""Read one shard of hidden states and losses from elsewhere."""

from typing import TYPE_CHECKING

from easyhard.activations.store import write_shard
from easyhard.device import use_device
from easyhard.imports.activations import open_activations
from easyhard.imports.dump import shard_batches
from easyhard.job import job
from easyhard.model.store import read_head
from easyhard.progress import Progress

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main() -> None:
    settings, shard = snakemake.params.settings, int(snakemake.wildcards.shard)
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    own = open_activations(settings["input"], settings["input"]["names"], length=settings["length"])
    batches = shard_batches(
        own,
        read_head(snakemake.input.head).to(device),
        shard=shard,
        shards=settings["activations"]["shards"],
        progress=Progress(f"import shard {shard}", own.hidden.shape[0], "tokens"),
    )
    metadata = {"run": snakemake.wildcards.run, "code": snakemake.params.code}
    write_shard(snakemake.output[0], batches, own.dim, metadata)


with job(snakemake):
    main()
