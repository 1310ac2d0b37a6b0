"""Read the output head of activations from elsewhere, and hold their losses against it."""

from typing import TYPE_CHECKING

from easyhard.imports.activations import open_activations
from easyhard.imports.head import import_head
from easyhard.job import job
from easyhard.model.store import write_head

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

with job(snakemake):
    settings = snakemake.params.settings
    own = open_activations(settings["input"], settings["input"]["names"], length=settings["length"])
    write_head(snakemake.output[0], import_head(own), own.softcap, {"run": snakemake.wildcards.run})
