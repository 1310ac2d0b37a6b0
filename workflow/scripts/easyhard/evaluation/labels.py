"""Which tokens count as hard: by each threshold, by the median, by the model's first choice."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from easyhard.errors import InputError
from easyhard.evaluation.columns import ARGMAX_WRONG, OVER_MEDIAN, Mask, label_name
from easyhard.evaluation.rows import Row, make_rows
from easyhard.signals.parts import PART_NAMES
from easyhard.signals.tokens import FIT, SELECT, TEST, TokenTable

logger = logging.getLogger("easyhard")

SECTION: Final = "one_kind"
DIGITS: Final = (3, 6)  # tried, of a threshold that stands in for another


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
    kind, since by it signals are chosen; the median of the fit losses, or else of select's, stands in then, to three
    digits, and its threshold is `stands_in`. Raises InputError for thresholds that are the same to six digits, for a
    main one that is not among them, and where the losses of a part lie all on one side of that median too.
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
    hard = {name: _shares(tokens, mask) for name, mask in masks.items()}
    one_kind = [name for name in masks if not _both(hard[name], PART_NAMES if name == main else ("test",))]
    left_out = []
    stands_in: dict[str, float] = {}
    if main in one_kind:
        stands_in = {"stands_in": _stand_in(tokens, settings["main_threshold"])}
    for name in one_kind:
        shares = {f"hard_{part}": share for part, share in hard[name].items()}
        known = {"threshold": thresholds[name]} if name in thresholds else {}
        left_out += make_rows(SECTION, name, known | shares | (stands_in if name == main else {}))
        said = ", ".join(f"{own:.1%} of {part}" for part, own in hard[name].items())
        logger.warning("label %s is left out, for want of both kinds: hard are %s tokens", name, said)
        del masks[name]
    for threshold in stands_in.values():
        main = label_name(threshold)
        thresholds[main], masks[main] = threshold, tokens.loss > threshold
        logger.warning("label %s stands in for that of the main threshold", main)
    return Labels(masks, {name: thresholds[name] for name in masks if name in thresholds}, main, left_out)


def _shares(tokens: TokenTable, hard: Mask) -> dict[str, float]:
    return {part: float(hard[tokens.rows(number)].mean()) for number, part in enumerate(PART_NAMES)}


def _both(shares: Mapping[str, float], parts: Iterable[str]) -> bool:
    return all(0 < shares[part] < 1 for part in parts)


def _stand_in(tokens: TokenTable, wanted: float) -> float:
    """A threshold that parts the tokens of each part: the median of fit, or else of select."""
    medians = [float(np.median(tokens.loss[tokens.rows(part)])) for part in (FIT, SELECT)]
    for threshold in (float(f"{middle:.{digits}g}") for middle in medians for digits in DIGITS):
        if _both(_shares(tokens, tokens.loss > threshold), PART_NAMES):
            return threshold
    raise InputError(
        f"fair.main_threshold: {wanted:g}, on one side of which lie all losses of a part, and so do they of the median "
        f"of the fit losses, {medians[0]:.3g}; losses that vary in fit, select and test are wanted"
    )
