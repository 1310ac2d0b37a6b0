"""Hold tokens, losses and head against the settings of what is computed of them."""

from snakemake.iocontainers import Snakemake

from easyhard.atomic import write_json
from easyhard.job import run
from easyhard.model.head_shape import head_shape
from easyhard.probes.early import check_rows
from easyhard.signals.tokens import read_tokens


def main(snakemake: Snakemake) -> None:
    words, dim = head_shape(snakemake.input.head)
    check_rows(read_tokens(snakemake.input.rows), words, dim, snakemake.params.settings)
    write_json(snakemake.output[0], {"words": words, "dim": dim})


run(main)
