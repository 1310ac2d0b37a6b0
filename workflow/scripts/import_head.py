"""Read the output head of activations from elsewhere, and hold their losses against it."""

from snakemake.iocontainers import Snakemake

from easyhard.imports.activations import open_activations
from easyhard.imports.head import import_head
from easyhard.job import run
from easyhard.model.store import write_head


def main(snakemake: Snakemake) -> None:
    settings = snakemake.params.settings
    own = open_activations(settings["input"], length=settings["length"], exits=settings["exits"])
    write_head(snakemake.output[0], import_head(own), own.softcap, {"run": snakemake.wildcards.run})


run(main)
