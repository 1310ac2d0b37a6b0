"""Read the documents of the corpus that the settings name."""

import logging

from snakemake.iocontainers import Snakemake

from easyhard.corpus.documents import write_documents
from easyhard.corpus.sources import load_corpus
from easyhard.job import run


def main(snakemake: Snakemake) -> None:
    corpus = load_corpus(snakemake.params.corpus)
    write_documents(snakemake.output[0], corpus)
    logging.getLogger("easyhard").info("%d documents from %s", len(corpus.documents), corpus.source)


run(main)
