"""The names of what runs share: a corpus and its tokens, each named after what it is and the settings that it reads."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from easyhard.tables.files import matching_files

DIGITS = 8
OF_TEXTS = ("documents", "text_column")
"""The settings that the user's own texts are read by, wherever they lie."""
SPLITS = ("train", "validation", "test")


def corpus_settings(corpus: Mapping[str, Any]) -> dict[str, Any]:
    """Of a run's corpus settings those that its source reads, so that no other setting loads it again."""
    source = corpus["source"]
    shared = {} if source == "bundled" else {key: corpus[key] for key in OF_TEXTS}
    return {"source": source, **shared, source: corpus[source]}


def token_settings(tokens: Mapping[str, Any]) -> dict[str, Any]:
    """Of a run's token settings those that its tokenizer reads."""
    other = "vocabulary_from" if tokens["tokenizer"] == "bpe" else "vocabulary_size"
    return {key: value for key, value in tokens.items() if key != other}


def text_files(corpus: Mapping[str, Any]) -> list[str]:
    """The user's files that a corpus is read from, those that there are: loading it says what is missing or wrong."""
    if corpus["source"] != "files" or not corpus["files"]["path"]:
        return []
    folder = Path(corpus["files"]["path"])
    try:
        found = {str(file) for split in SPLITS for file in matching_files(folder, corpus["files"][split])}
    except (ValueError, NotImplementedError):
        return []
    return sorted(found)


def corpus_name(corpus: Mapping[str, Any]) -> str:
    """The folder of a run's corpus, `bundled-1f2e3d4c`: runs whose settings read the same text have the same."""
    return f"{corpus['source']}-{digest(corpus_settings(corpus))}"


def tokens_name(tokens: Mapping[str, Any]) -> str:
    """The folder of a run's tokens inside that of its corpus, `words-1f2e3d4c`."""
    return f"{tokens['tokenizer']}-{digest(token_settings(tokens))}"


def digest(settings: Mapping[str, Any]) -> str:
    """A short hash of settings of JSON's types."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:DIGITS]
