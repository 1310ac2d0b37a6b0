"""The loss above which a token is hard in the main comparison: as the settings say, or what stands in for that."""

import logging
from typing import Final

import numpy as np

from easyhard.errors import InputError
from easyhard.signals.parts import PART_NAMES
from easyhard.signals.tokens import FIT, SELECT, TokenTable

logger = logging.getLogger("easyhard")

DIGITS: Final = (3, 6)  # tried, of a threshold that stands in for another


def parting_threshold(tokens: TokenTable, wanted: float) -> float:
    """The threshold `wanted` (nats) where each part has tokens on both sides of it; else, with a word in the log, the
    median of the fit losses, or of select's, to three digits: nothing can be fitted or chosen by a label of one kind.

    Raises InputError where the losses of a part lie all on one side of these too.
    """
    if _parts_all(tokens, wanted):
        return wanted
    medians = [float(np.median(tokens.loss[tokens.rows(part)])) for part in (FIT, SELECT)]
    for threshold in (float(f"{middle:.{digits}g}") for middle in medians for digits in DIGITS):
        if _parts_all(tokens, threshold):
            logger.warning("a loss over %g stands in for that over %g, which parts no tokens", threshold, wanted)
            return threshold
    raise InputError(
        f"fair.main_threshold: {wanted:g}, on one side of which lie all losses of a part, and so do they of the median "
        f"of the fit losses, {medians[0]:.3g}; losses that vary in fit, select and test are wanted"
    )


def hard_shares(tokens: TokenTable, hard: np.ndarray) -> dict[str, float]:
    """The share of hard tokens, (tokens,) True for hard, of each part."""
    return {part: float(hard[tokens.rows(number)].mean()) for number, part in enumerate(PART_NAMES)}


def _parts_all(tokens: TokenTable, threshold: float) -> bool:
    return all(0 < share < 1 for share in hard_shares(tokens, tokens.loss > threshold).values())
