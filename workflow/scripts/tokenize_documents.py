"""Turn documents into token ids and a vocabulary."""

import logging

from snakemake.iocontainers import Snakemake

from easyhard.atomic import write_json
from easyhard.corpus.documents import read_documents
from easyhard.job import run
from easyhard.tokens.encoding import encode
from easyhard.tokens.store import write_sizes, write_stream, write_vocabulary


def main(snakemake: Snakemake) -> None:
    streams, sizes, types, summary = encode(read_documents(snakemake.input[0]), snakemake.params.tokens)
    for split, stream in streams.items():
        write_stream(snakemake.output[split], stream)
        logging.getLogger("easyhard").info("%s: %s tokens", split, f"{len(stream.token):,}")
    write_sizes(snakemake.output.sizes, sizes)
    write_vocabulary(snakemake.output.vocabulary, types)
    write_json(snakemake.output.summary, summary)


run(main)
