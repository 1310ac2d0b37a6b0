"""Part the documents into fit, select and test, and write what is to be known of every token and every word."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from easyhard.activations.store import read_columns
from easyhard.atomic import read_json
from easyhard.evaluation.parts import row_parts
from easyhard.job import job
from easyhard.signals.store import write_columns
from easyhard.tokens.sequences import train_counts, used_ids
from easyhard.tokens.store import read_stream

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def used(split: str, column: str) -> NDArray[np.int32]:
    """What the language model's training has seen of a split's tokens or documents."""
    cutting = snakemake.params.settings["sequences"]
    stream = getattr(read_stream(snakemake.input[split]), column)
    return used_ids(stream, cutting[split], cutting["length"], cutting["batch_size"])


def main() -> None:
    settings: dict[str, Any] = snakemake.params.settings
    columns = ["document", "sequence", "position", "token", "target", "loss"]
    rows: dict[str, NDArray[Any]] = read_columns(snakemake.input.rows, columns)
    chose_the_epoch = np.intersect1d(used("validation", "document"), rows["document"])
    rows["part"] = row_parts(
        rows["document"], chose_the_epoch, fit=settings["fit"], select=settings["select"], seed=settings["seed"]
    )
    counts = train_counts(used("train", "token"), read_json(snakemake.input.summary)["vocabulary_size"])
    rows["target_count"] = counts[rows["target"]].astype(np.int32)
    write_columns(snakemake.output.tokens, rows)
    write_columns(snakemake.output.counts, {"count": counts})


with job(snakemake):
    main()
