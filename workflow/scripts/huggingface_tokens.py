"""Part the documents that a model from elsewhere has read, and write what is to be known of every token and word."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from easyhard.activations.store import read_columns
from easyhard.atomic import read_json
from easyhard.evaluation.parts import row_parts
from easyhard.job import job
from easyhard.signals.store import write_columns
from easyhard.tokens.sequences import train_counts
from easyhard.tokens.store import read_stream

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main() -> None:
    settings: dict[str, Any] = snakemake.params.settings
    columns = ["document", "sequence", "position", "token", "target", "loss"]
    rows: dict[str, NDArray[Any]] = read_columns(snakemake.input.rows, columns)
    rows["part"] = row_parts(
        rows["document"], [], fit=settings["fit"], select=settings["select"], seed=settings["seed"]
    )
    counts = train_counts(read_stream(snakemake.input.train).token, read_json(snakemake.input.summary)["words"])
    rows["target_count"] = counts[rows["target"]].astype(np.int32)
    write_columns(snakemake.output.tokens, rows)
    write_columns(snakemake.output.counts, {"count": counts})


with job(snakemake):
    main()
