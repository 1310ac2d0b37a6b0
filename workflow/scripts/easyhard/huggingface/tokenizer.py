"""Documents to the ids of a model's own tokeniser."""

from pathlib import Path
from typing import Any

import numpy as np

from easyhard.corpus.documents import Corpus
from easyhard.errors import InputError
from easyhard.hub import first_line
from easyhard.huggingface.adapter import base_of, is_adapter
from easyhard.huggingface.folder import find_model
from easyhard.tokens.encoding import TokenStream, summarise, token_streams


def load_tokenizer(folder: Path) -> Any:
    """The tokeniser in `folder`, or of its base where there is an adapter without one; code that comes with it is not
    run. Raises InputError naming the folder."""
    from transformers import AutoTokenizer

    if is_adapter(folder) and not (folder / "tokenizer_config.json").is_file():
        folder = find_model(base_of(folder))
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # each tokeniser class raises what its reader raises
        raise InputError(
            f"model.path: the tokenizer of {folder} cannot be read ({first_line(error)}); "
            "tokenizer.json and tokenizer_config.json, as save_pretrained writes them, are wanted"
        ) from error


def encode_by_model(corpus: Corpus, tokenizer: Any) -> tuple[dict[str, TokenStream], dict[str, Any]]:
    """Every split's tokens without special ones, and what tokens/summary.json says of them.

    There, `start` is the tokeniser's BOS where it puts one before a text by itself, and `end` its EOS; None where there
    is none.
    """
    ids = [
        np.array(tokenizer(document.text, add_special_tokens=False, verbose=False)["input_ids"], dtype=np.int32)
        for document in corpus.documents
    ]
    streams = token_streams(corpus.documents, ids)
    before = tokenizer("")["input_ids"][:1]
    start = before[0] if before and before[0] == tokenizer.bos_token_id else None
    highest = max(int(stream.token.max()) for stream in streams.values())
    summary = {"highest_id": highest, "start": start, "end": tokenizer.eos_token_id}
    return streams, summarise(streams, corpus) | summary
