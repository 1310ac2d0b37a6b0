"""Turn documents into token ids and a vocabulary."""

import logging
from typing import TYPE_CHECKING

from easyhard.atomic import write_json
from easyhard.corpus.documents import read_documents
from easyhard.job import job
from easyhard.tokens.encoding import encode_documents
from easyhard.tokens.store import summarise, write_stream, write_vocabulary
from easyhard.tokens.tokenizers import tokenizer

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

with job(snakemake):
    tokens = snakemake.params.tokens
    corpus = read_documents(snakemake.input[0])
    encoded = encode_documents(corpus.documents, tokenizer(tokens["tokenizer"]), tokens["vocabulary_from"])
    for split, stream in encoded.streams.items():
        write_stream(snakemake.output[split], stream)
        logging.getLogger("easyhard").info("%s: %s tokens", split, f"{len(stream.token):,}")
    write_vocabulary(snakemake.output.vocabulary, encoded.vocabulary)
    write_json(snakemake.output.summary, summarise(encoded, corpus))
