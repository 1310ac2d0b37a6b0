"""Turn documents into the token ids of a model's own tokeniser."""

import logging

from snakemake.iocontainers import Snakemake

from easyhard.atomic import write_json
from easyhard.corpus.documents import read_documents
from easyhard.huggingface.folder import find_model
from easyhard.huggingface.tokenizer import encode_by_model, load_tokenizer, pieces_of
from easyhard.job import run
from easyhard.model_config import check_window
from easyhard.tokens.store import write_sizes, write_stream, write_vocabulary


def main(snakemake: Snakemake) -> None:
    settings = snakemake.params.model
    folder = find_model(settings["path"], settings["revision"])
    check_window(folder, settings["window"])
    tokenizer = load_tokenizer(folder)
    streams, sizes, summary = encode_by_model(read_documents(snakemake.input.documents), tokenizer)
    for split, stream in streams.items():
        write_stream(snakemake.output[split], stream)
        logging.getLogger("easyhard").info("%s: %s tokens", split, f"{len(stream.token):,}")
    write_vocabulary(snakemake.output.vocabulary, pieces_of(tokenizer))
    write_sizes(snakemake.output.sizes, sizes)
    write_json(snakemake.output.summary, summary)


run(main)
