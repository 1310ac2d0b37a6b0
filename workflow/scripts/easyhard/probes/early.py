"""What can be known to fail once losses, documents and head are there, before anything is computed of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from easyhard.errors import InputError
from easyhard.probes.documents import whole_documents
from easyhard.signals.hidden import NEIGHBOURS
from easyhard.signals.parts import PART_NAMES
from easyhard.signals.threshold import parting_threshold
from easyhard.signals.tokens import FIT, TEST, TokenTable


def check_rows(tokens: TokenTable, words: int, dim: int, settings: Mapping[str, Any]) -> None:
    """Raise InputError naming the setting that does not fit the tokens, or a head (words, dim).

    settings: seed, main_threshold (nats), ranks and refined (words) of low ranks, exit_rank (None where no exit reads
    one), and tokens and folds of `fair_probes` and `stacks`.
    """
    hard = tokens.loss > parting_threshold(tokens, settings["main_threshold"])
    ranks = {"fair_low_rank.ranks": settings["ranks"], "exits.rank": [settings["exit_rank"] or 1]}
    for key, own in ranks.items():
        if max(own) >= dim:
            raise InputError(
                f"{key}: {max(own)} is not below the head's dim, {dim}; ranks from 1 to {dim - 1} are wanted"
            )
    if not 2 <= settings["refined"] <= words:
        raise InputError(f"fair_low_rank.refined: {settings['refined']}; from 2 to the head's {words} words are wanted")
    fit = tokens.rows(FIT)
    if len(fit) < NEIGHBOURS:
        raise InputError(f"fair.fit: {len(fit)} tokens are left to fit on; {NEIGHBOURS} at least are wanted")
    grown = whole_documents(tokens, settings["stacks"]["tokens"], settings["seed"])
    for part, rows in zip(PART_NAMES, grown, strict=False):
        if len(np.unique(hard[rows])) < 2:
            raise InputError(
                f"stacks.tokens: {settings['stacks']['tokens']}, which take {len(rows)} {part} tokens that are "
                f"{'hard' if hard[rows].all() else 'easy'} without exception; as many are wanted as have both kinds"
            )
    for key, rows in (("fair_probes", fit), ("stacks", grown[0])):
        documents = len(np.unique(tokens.document[rows]))
        if settings[key]["folds"] > documents:
            raise InputError(
                f"{key}.folds: {settings[key]['folds']}; at most the {documents} documents of its fit tokens are wanted"
            )
    test = tokens.rows(TEST)
    if np.unique(np.stack([tokens.document[test], tokens.sequence[test]]), axis=1).shape[1] < 2:
        raise InputError("sequence: one to judge on; two at least are wanted for an interval")
