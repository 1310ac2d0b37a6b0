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
from easyhard.tokens.sizes import TextSizes, even_sizes, measured_sizes, sizes_of_ends

SAMPLE = 200  # characters of the text that tell what a tokeniser puts around it


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


def pieces_of(tokenizer: Any) -> list[str]:
    """The piece of each id, as the tokeniser writes it; empty for an id without one."""
    known = {number: piece for piece, number in tokenizer.get_vocab().items()}
    return [str(known.get(number, "")) for number in range(max(known, default=-1) + 1)]


def encode_by_model(corpus: Corpus, tokenizer: Any) -> tuple[dict[str, TokenStream], TextSizes, dict[str, Any]]:
    """Every split's tokens without special ones, the sizes of those of MEASURED splits, and what tokens/summary.json
    says of them.

    There, `start` is the tokeniser's BOS where it puts one before a text by itself, and `end` its EOS; None where there
    is none. `sizes_exact` says whether the tokeniser tells where in a text each token ends; if not, each token of a
    document stands for as much of it.
    """
    exact = bool(tokenizer.is_fast)
    found = [
        tokenizer(document.text, add_special_tokens=False, verbose=False, return_offsets_mapping=exact)
        for document in corpus.documents
    ]

    def sizes_of(place: int) -> TextSizes:
        text, own = corpus.documents[place].text, found[place]
        if not exact:
            return even_sizes(text, len(own["input_ids"]))
        return sizes_of_ends(text, [end for _, end in own["offset_mapping"]])

    streams = token_streams(corpus.documents, [np.array(own["input_ids"], dtype=np.int32) for own in found])
    sizes = measured_sizes([document.split for document in corpus.documents], sizes_of)
    start = _opening(tokenizer, corpus.documents[0].text[:SAMPLE])
    highest = max(int(stream.token.max()) for stream in streams.values())
    summary = {"highest_id": highest, "start": start, "end": tokenizer.eos_token_id, "sizes_exact": exact}
    return streams, sizes, summarise(streams, corpus) | summary


def _opening(tokenizer: Any, text: str) -> int | None:
    """The BOS that a tokeniser puts before a text; one that it puts behind, which may be the same token, is none."""
    whole, plain = (tokenizer(text, add_special_tokens=special)["input_ids"] for special in (True, False))
    opens = len(whole) > len(plain) and whole[: len(plain)] != plain and whole[0] == tokenizer.bos_token_id
    return int(whole[0]) if opens else None
