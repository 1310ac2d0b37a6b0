"""Part the documents of activations from elsewhere, and write what is to be known of every token."""

from typing import TYPE_CHECKING, Any

from easyhard.activations.store import read_columns
from easyhard.evaluation.parts import row_parts
from easyhard.imports.activations import open_activations
from easyhard.job import job
from easyhard.signals.store import write_columns

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main() -> None:
    settings: dict[str, Any] = snakemake.params.settings
    own = open_activations(settings["input"], settings["input"]["names"], length=settings["length"])
    layout = own.tokens.layout
    part = layout.part
    if part is None:
        part = row_parts(layout.document, [], fit=settings["fit"], select=settings["select"], seed=settings["seed"])
    loss = read_columns(snakemake.input.activations, ["loss"])["loss"]
    write_columns(snakemake.output[0], {**own.tokens.columns, "loss": loss, "part": part})


with job(snakemake):
    main()
