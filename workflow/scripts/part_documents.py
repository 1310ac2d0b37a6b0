"""Part the documents into fit, select and test, and write what is to be known of every token and every word."""

from typing import Any

from snakemake.iocontainers import Snakemake

from easyhard.activations.store import first_rows, read_columns
from easyhard.atomic import read_json, write_json
from easyhard.job import run
from easyhard.signals.parts import part_text
from easyhard.signals.store import write_columns
from easyhard.tokens.row_sizes import row_sizes
from easyhard.tokens.store import read_sizes, read_stream

WORDS = {"trained": "vocabulary_size", "huggingface": "words"}  # as the summaries call their number


def main(snakemake: Snakemake) -> None:
    settings: dict[str, Any] = snakemake.params.settings
    given, kind = snakemake.input, snakemake.params.kind
    rows = read_columns(given.activations, ["document", "sequence", "position", "token", "target", "loss"])
    train, words = read_stream(given.train), read_json(given.summary)[WORDS[kind]]
    validation, test = read_stream(given.validation), read_stream(given.test)
    rows |= row_sizes(rows, [validation, test], read_sizes(given.sizes), settings["measured"])
    tokens, counts = part_text(rows, train, validation if kind == "trained" else None, words, settings)
    write_columns(snakemake.output.tokens, tokens)
    write_json(snakemake.output.shards, {"first_rows": first_rows(given.activations)})
    write_columns(snakemake.output.counts, {"count": counts})


run(main)
