"""Which tokens count as hard: by each threshold, by the median, by the model's first choice."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from easyhard.errors import InputError
from easyhard.evaluation.columns import ARGMAX_WRONG, OVER_MEDIAN, Mask, label_name
from easyhard.evaluation.rows import Row, make_rows
from easyhard.signals.threshold import hard_shares, parting_threshold
from easyhard.signals.tokens import TEST, TokenTable

logger = logging.getLogger("easyhard")

SECTION: Final = "one_kind"


@dataclass(frozen=True)
class Labels:
    """`masks` is label → (tokens,), True for hard; `thresholds` has the nats of those made from the loss; `main` is the
    label that signals are chosen and compared by. `left_out` has a row a figure of the labels that are not there."""

    masks: dict[str, Mask]
    thresholds: dict[str, float]
    main: str
    left_out: list[Row]


def make_labels(tokens: TokenTable, argmax_wrong: Mask | None, settings: Mapping[str, Any]) -> Labels:
    """Make the labels of `settings`, thresholds and main_threshold in nats, that of the median of the test losses, and
    argmax_wrong, (tokens,), None where it is not known.

    A label that all test tokens have, or none, is left out: section `one_kind` has its threshold and the share of hard
    tokens in each part, hard_fit, hard_select and hard_test. The main one is also left out where fit or select has one
    kind, since by it signals are chosen; what `parting_threshold` gives stands in then, and is `stands_in`. Raises
    InputError as that does, for thresholds that are the same to six digits, and for a main one not among them.
    """
    thresholds = {label_name(threshold): float(threshold) for threshold in settings["thresholds"]}
    main = label_name(settings["main_threshold"])
    if main not in thresholds or len(thresholds) < len(settings["thresholds"]):
        raise InputError(
            f"thresholds: {settings['thresholds']}; each to six digits once, and main_threshold too, is wanted"
        )
    thresholds[OVER_MEDIAN] = float(np.median(tokens.loss[tokens.rows(TEST)]))
    masks: dict[str, Mask] = {name: tokens.loss > threshold for name, threshold in thresholds.items()}
    if argmax_wrong is not None:
        masks[ARGMAX_WRONG] = argmax_wrong
    hard = {name: hard_shares(tokens, mask) for name, mask in masks.items()}
    threshold = parting_threshold(tokens, thresholds[main])
    stands_in = {} if threshold == thresholds[main] else {"stands_in": threshold}
    left_out = []
    for name in [name for name in masks if not 0 < hard[name]["test"] < 1 or (stands_in and name == main)]:
        shares = {f"hard_{part}": share for part, share in hard[name].items()}
        known = {"threshold": thresholds[name]} if name in thresholds else {}
        left_out += make_rows(SECTION, name, known | shares | (stands_in if name == main else {}))
        said = ", ".join(f"{own:.1%} of {part}" for part, own in hard[name].items())
        logger.warning("label %s is left out, for want of both kinds: hard are %s tokens", name, said)
        del masks[name]
    if stands_in:
        main = label_name(threshold)
        thresholds[main], masks[main] = threshold, tokens.loss > threshold
    return Labels(masks, {name: thresholds[name] for name in masks if name in thresholds}, main, left_out)
