"""Go once through the hidden states of a shard and write every family of signals that the rule asks for."""

from snakemake.iocontainers import Snakemake

from easyhard.activations.store import count_rows
from easyhard.device import use_device
from easyhard.families.states import Context, open_families, parts_of_shard, run_pass
from easyhard.job import run
from easyhard.model.store import read_head, read_softcap
from easyhard.progress import Progress


def main(snakemake: Snakemake) -> None:
    files = dict(snakemake.input.items())
    device = use_device(snakemake.threads, snakemake.resources.get("gpu", 0))
    head, softcap = read_head(files["head"]).to(device), read_softcap(files["head"])
    first, part = parts_of_shard(files, int(snakemake.wildcards.shard))
    rows = count_rows([files["activations"]])
    families = open_families(
        snakemake.params.families,
        lambda settings: Context(files, settings, head, softcap, device, first, part, rows),
    )
    progress = Progress(f"{snakemake.rule.replace('_', ' ')} of {snakemake.wildcards.rows}", rows, "tokens")
    outputs = dict(snakemake.output.items())
    run_pass(files["activations"], families, outputs, part=part, device=device, progress=progress)


run(main)
