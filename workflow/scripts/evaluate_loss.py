"""Describe the distribution of the validation losses."""

from typing import TYPE_CHECKING

from easyhard.activations.store import read_columns
from easyhard.atomic import read_json
from easyhard.evaluation.loss_distribution import describe_loss
from easyhard.evaluation.rows import write_rows
from easyhard.job import job
from easyhard.tokens.sequences import unseen_targets
from easyhard.tokens.store import read_stream

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

with job(snakemake):
    cutting = snakemake.params.settings["sequences"]
    columns = read_columns(snakemake.input.activations, ["loss", "sequence", "target"])
    vocabulary_size = read_json(snakemake.input.tokens)["vocabulary_size"]
    unseen = unseen_targets(columns["target"], read_stream(snakemake.input.train).token, vocabulary_size, cutting)
    described = describe_loss(columns["loss"], columns["sequence"], unseen, seed=snakemake.params.settings["seed"])
    write_rows(snakemake.output[0], described.rows, protocol="published")
