"""Which corpus the published figures are about."""

from collections.abc import Mapping
from typing import Any

# of the token ids of WikiText-2 raw, lower-cased and split on white space, vocabulary from train and validation
FOUNDING_TOKENS_SHA256 = "f3a9550dc176e0a5981aa5f581834ddf69b8305a4145958b8afd08fb4689678c"


def is_founding_corpus(tokens: Mapping[str, Any]) -> bool:
    """Whether a run's tokens (its tokens/summary.json) are the founding experiment's, so that its bands apply."""
    return bool(tokens["tokens_sha256"] == FOUNDING_TOKENS_SHA256)
