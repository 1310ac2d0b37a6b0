"""The names of what runs share: a corpus and its tokens, each named after what it is and the settings that it reads."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

DIGITS = 8


def corpus_settings(corpus: Mapping[str, Any]) -> dict[str, Any]:
    """Of a run's corpus settings those that its source reads, so that no other setting loads it again."""
    source = corpus["source"]
    shared = {} if source == "bundled" else {"documents": corpus["documents"]}
    return {"source": source, **shared, source: corpus[source]}


def corpus_name(corpus: Mapping[str, Any]) -> str:
    """The folder of a run's corpus, `bundled-1f2e3d4c`: runs whose settings read the same text have the same."""
    return f"{corpus['source']}-{_digest(corpus_settings(corpus))}"


def tokens_name(tokens: Mapping[str, Any]) -> str:
    """The folder of a run's tokens inside that of its corpus, `words-1f2e3d4c`."""
    return f"{tokens['tokenizer']}-{_digest(tokens)}"


def _digest(settings: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:DIGITS]
