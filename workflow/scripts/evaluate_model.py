"""Collect the figures of the language model and its corpus."""

from typing import TYPE_CHECKING

from easyhard.atomic import read_json
from easyhard.evaluation.model import model_rows
from easyhard.evaluation.rows import write_rows
from easyhard.job import job

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

with job(snakemake):
    vocabulary_size = read_json(snakemake.input.tokens)["vocabulary_size"]
    model = read_json(snakemake.input.model)
    numbers = {name: value for name, value in model.items() if isinstance(value, int | float)}
    write_rows(snakemake.output[0], model_rows({"vocabulary_size": vocabulary_size, **numbers}), protocol="published")
