"""Run a model from elsewhere over one shard of all validation and test documents; write hidden states and losses."""

from typing import Any

from snakemake.iocontainers import Snakemake

from easyhard.activations.dump import dump
from easyhard.activations.store import write_shard
from easyhard.atomic import read_json
from easyhard.huggingface.dump import check_fit, run_huggingface, text_windows
from easyhard.huggingface.folder import find_model
from easyhard.huggingface.model import check_head, load_model, output_head, wanted_device
from easyhard.job import run
from easyhard.progress import Progress
from easyhard.tokens.store import read_stream
from easyhard.tokens.windows import shard_evenly


def main(snakemake: Snakemake) -> None:
    settings: dict[str, Any] = snakemake.params.settings
    own, shard = settings["model"], int(snakemake.wildcards.shard)
    device = wanted_device(own["device"], snakemake.threads, snakemake.resources.get("gpu", 0))
    model = load_model(find_model(own["path"], own["revision"]), own["dtype"], device)
    head, tokens = output_head(model), read_json(snakemake.input.summary)
    check_head(model, head)
    check_fit(model, own["window"], len(head.weight), tokens["highest_id"])
    streams = [read_stream(snakemake.input[split]) for split in ("validation", "test")]
    windows = text_windows(streams, own, tokens, settings["tokens"])
    windows = windows[shard_evenly(len(windows), settings["shards"])[shard]]
    progress = Progress(f"dump shard {shard}", len(windows), "windows")
    batches = dump(windows, run_huggingface(model, head), batch_size=own["batch_size"], progress=progress)
    metadata = {"run": snakemake.wildcards.run, "code": snakemake.params.code}
    write_shard(snakemake.output[0], batches, head.matrix.shape[1], metadata)


run(main)
