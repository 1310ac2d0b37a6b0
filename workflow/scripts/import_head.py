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
    own = open_activations(snakemake.params.settings["input"], length=snakemake.params.settings["length"])
    write_head(snakemake.output[0], import_head(own), own.softcap, {"run": snakemake.wildcards.run})
