"""Run the trained model over one shard of a row set and write hidden states and losses."""

from typing import Any

from snakemake.iocontainers import Snakemake

from easyhard.activations.dump import dump, run_lego
from easyhard.activations.store import write_shard
from easyhard.atomic import read_json
from easyhard.device import use_device
from easyhard.job import run
from easyhard.model.lego import Lego
from easyhard.model.store import load_weights
from easyhard.progress import Progress
from easyhard.tokens.store import read_stream
from easyhard.tokens.windows import SPLITS_OF, row_shards, row_windows


def main(snakemake: Snakemake) -> None:
    settings: dict[str, Any] = snakemake.params.settings
    rows, shard = snakemake.wildcards.rows, int(snakemake.wildcards.shard)
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    model = Lego(read_json(snakemake.input.summary)["vocabulary_size"], **settings["model"], seed=0)
    load_weights(model, snakemake.input.weights)
    streams = {split: read_stream(snakemake.input[split]) for split in SPLITS_OF[rows]}
    windows = row_windows(rows, streams, settings["sequences"], settings["tokens"])
    own = windows[row_shards(rows, windows, settings["activations"]["shards"])[shard]]
    progress = Progress(f"dump {rows} shard {shard}", len(own), "sequences")
    batches = dump(own, run_lego(model.to(device)), batch_size=settings["sequences"]["batch_size"], progress=progress)
    metadata = {"run": snakemake.wildcards.run, "code": snakemake.params.code}
    write_shard(snakemake.output[0], batches, settings["model"]["dim"], metadata)


run(main)
