"""Test whether the loss of the test tokens has several modes, with and without targets that training never saw."""

from typing import TYPE_CHECKING

from easyhard.evaluation.rows import write_rows
from easyhard.evaluation.shape import shape_rows
from easyhard.job import job
from easyhard.signals.fair import TEST, read_fair_tokens

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

with job(snakemake):
    tokens = read_fair_tokens(snakemake.input.tokens)
    test = tokens.rows(TEST)
    counts = tokens.target_count[test]
    seen = None if (counts < 0).any() else counts > 0
    rows = shape_rows(tokens.loss[test], tokens.sequence[test], seen, seed=snakemake.params.seed)
    write_rows(snakemake.output[0], rows, protocol="fair")
