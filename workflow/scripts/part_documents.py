"""Part the documents into fit, select and test, and write what is to be known of every token and every word."""

from typing import TYPE_CHECKING, Any

from easyhard.activations.store import read_columns
from easyhard.atomic import read_json
from easyhard.imports.activations import open_activations
from easyhard.job import job
from easyhard.signals.store import write_columns
from easyhard.tokens.parts import part_text, parted
from easyhard.tokens.store import read_stream

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

WORDS = {"trained": "vocabulary_size", "huggingface": "words"}  # as the summaries call their number


def main() -> None:
    settings: dict[str, Any] = snakemake.params.settings
    given, kind = snakemake.input, snakemake.params.kind
    if kind == "activations":
        own = open_activations(settings["input"], length=settings["length"])
        rows = own.tokens | read_columns(given.activations, ["loss"])
        write_columns(snakemake.output.tokens, parted(rows, settings))
        return
    rows = read_columns(given.activations, ["document", "sequence", "position", "token", "target", "loss"])
    train, words = read_stream(given.train), read_json(given.summary)[WORDS[kind]]
    validation = read_stream(given.validation) if kind == "trained" else None
    tokens, counts = part_text(rows, train, validation, words, settings)
    write_columns(snakemake.output.tokens, tokens)
    write_columns(snakemake.output.counts, {"count": counts})


with job(snakemake):
    main()
