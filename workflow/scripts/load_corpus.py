"""Read the documents of the corpus that the settings name."""

import logging
from typing import TYPE_CHECKING

from easyhard.corpus.documents import write_documents
from easyhard.corpus.sources import load_corpus
from easyhard.job import job

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

with job(snakemake):
    corpus = load_corpus(snakemake.params.corpus)
    write_documents(snakemake.output[0], corpus)
    logging.getLogger("easyhard").info("%d documents from %s", len(corpus.documents), corpus.source)
