"""Part the documents of activations from elsewhere, and write what is to be known of every token."""

from snakemake.iocontainers import Snakemake

from easyhard.activations.store import first_rows, read_columns
from easyhard.atomic import write_json
from easyhard.imports.activations import open_activations
from easyhard.job import run
from easyhard.signals.parts import FEWEST_TO_FOLD, parted
from easyhard.signals.store import write_columns


def main(snakemake: Snakemake) -> None:
    settings = snakemake.params.settings
    own = open_activations(settings["input"], length=settings["length"], exits=settings["exits"])
    loss = read_columns(snakemake.input.activations, ["loss"])
    write_columns(snakemake.output.tokens, parted(own.tokens | loss, settings, fewest=FEWEST_TO_FOLD))
    write_json(snakemake.output.shards, {"first_rows": first_rows(snakemake.input.activations)})
    write_json(snakemake.output.summary, own.wanted.summary())


run(main)
