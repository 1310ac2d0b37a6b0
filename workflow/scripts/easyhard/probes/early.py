"""What can be known to fail once losses, documents and head are there, before anything is computed of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from easyhard.errors import InputError
from easyhard.probes.documents import whole_documents
from easyhard.signals.hidden import NEIGHBOURS
from easyhard.signals.parts import PART_NAMES
from easyhard.signals.tokens import FIT, TEST, TokenTable


def check_rows(tokens: TokenTable, words: int, dim: int, settings: Mapping[str, Any]) -> None:
    """Raise InputError naming the setting that does not fit the tokens, or a head (words, dim).

    settings: seed, main_threshold (nats), ranks and refined (words) of low ranks, exit_rank (None where no exit reads
    one), and tokens and folds of `fair_probes` and `stacks`.
    """
    check_threshold(tokens, settings["main_threshold"])
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
    for key, rows in (
        ("fair_probes", fit),
        ("stacks", whole_documents(tokens, settings["stacks"]["tokens"], settings["seed"])[0]),
    ):
        documents = len(np.unique(tokens.document[rows]))
        if settings[key]["folds"] > documents:
            raise InputError(
                f"{key}.folds: {settings[key]['folds']}; at most the {documents} documents of its fit tokens are wanted"
            )
    test = tokens.rows(TEST)
    if np.unique(np.stack([tokens.document[test], tokens.sequence[test]]), axis=1).shape[1] < 2:
        raise InputError("sequence: one to judge on; two at least are wanted for an interval")


def check_threshold(tokens: TokenTable, threshold: float) -> None:
    """Raise InputError where a part has no token that is hard by `threshold` (nats), or none that is easy: nothing can
    then be fitted to tell them apart, nor signals be chosen."""
    for number, name in enumerate(PART_NAMES):
        loss = tokens.loss[tokens.rows(number)]
        hard = int((loss > threshold).sum())
        if hard in (0, len(loss)):
            raise InputError(
                f"fair.main_threshold: {threshold:g}, by which {hard} of {len(loss)} {name} tokens are hard; one that "
                f"parts them is wanted, such as the median of their losses, {np.median(loss):.3g}"
            )
