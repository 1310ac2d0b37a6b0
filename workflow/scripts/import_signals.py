"""Read losses and signals that another program has measured, and part their documents."""

from typing import TYPE_CHECKING, Any

import numpy as np

from easyhard.evaluation.parts import row_parts
from easyhard.imports.signals import import_signals, signal_batches
from easyhard.job import job
from easyhard.signals.store import write_batches, write_columns

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main() -> None:
    settings: dict[str, Any] = snakemake.params.settings
    given = settings["input"]
    own = import_signals(
        given["path"],
        length=settings["length"],
        names=given["names"],
        leave_out=given["leave_out"],
        declared=given["signals"],
    )
    columns, layout = dict(own.tokens.columns), own.tokens.layout
    part = layout.part
    if part is None:
        part = row_parts(layout.document, [], fit=settings["fit"], select=settings["select"], seed=settings["seed"])
    if own.tokens.argmax_wrong is not None:
        columns["argmax_wrong"] = own.tokens.argmax_wrong.astype(np.int8)
    write_batches(snakemake.output.signals, signal_batches(own))
    write_columns(snakemake.output.tokens, {**columns, "part": part})


with job(snakemake):
    main()
