"""What the figures of protocol `fair` share: looks of cost classes, estimates with intervals, words beside points."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from easyhard.report.fair_words import estimate_text, interval
from easyhard.report.labels import OWN
from easyhard.report.labels import Label as MetricLabel
from easyhard.report.metrics import Figure
from easyhard.report.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, SKY, VERMILLION

LOOKS = {
    "hidden": (GREEN, "o"),
    "context": (PURPLE, "D"),
    "layers": (SKY, "v"),
    "low_rank": (ORANGE, "^"),
    "head": (BLUE, "s"),
    "all": (INK, "X"),
    OWN: (VERMILLION, "P"),
}
"""Colour and marker of each cost class."""

FONT_SIZE = 8.5
DIRECTIONS = ((0, 1), (1, 1), (-1, 1), (1, 0), (-1, 0), (0, -1), (1, -1), (-1, -1))
REACHES = (7, 14, 22, 32, 44, 58, 74, 92)
"""How far in points from its point a label may stand, the nearest tried first."""

CLEARANCE = 3.0
"""Free pixels around words and points."""


Box = NDArray[np.float64]


class Words(NamedTuple):
    """Words for a point in data units."""

    text: str
    place: tuple[float, float]


def curve(axes: Axes, across: ArrayLike, estimates: Sequence[Figure], *, scale: float = 1.0, **look: Any) -> None:
    """Points joined by a line at `across`, (n,), with the estimates' intervals as bars; `scale` multiplies values.

    A null value leaves a gap. `look` is passed on to matplotlib.
    """
    values = np.array([np.nan if found.value is None else found.value for found in estimates])
    axes.errorbar(across, scale * values, yerr=scale * reaches(estimates), elinewidth=1, capsize=2, **look)


def band(axes: Axes, across: ArrayLike, estimates: Sequence[Figure], colour: str) -> None:
    """The estimates' intervals as a pale band at `across`, (n,)."""
    values = np.array([np.nan if found.value is None else found.value for found in estimates])
    low, high = reaches(estimates)
    axes.fill_between(across, values - low, values + high, color=colour, alpha=0.15, linewidth=0)


def level(axes: Axes, estimate: Figure, label: MetricLabel, words: str) -> None:
    """A dashed line across the axes at the estimate, its interval as a band; words and figure go to the legend."""
    if estimate.value is None:
        return
    bounds = interval(estimate)
    if bounds:
        axes.axhspan(label.scale * bounds[0], label.scale * bounds[1], color=GREY, alpha=0.12, linewidth=0)
    name = f"{words}: {estimate_text(label, estimate)}"
    axes.axhline(label.scale * estimate.value, color=INK, linestyle="--", linewidth=1.2, label=name)


def reaches(estimates: Sequence[Figure]) -> NDArray[np.float64]:
    """How far the intervals reach below and above the values, (2, n); 0 where there is no interval."""
    found = [(estimate.value, interval(estimate)) for estimate in estimates]
    pairs = [(0.0, 0.0) if value is None or not ends else (value - ends[0], ends[1] - value) for value, ends in found]
    return np.array(pairs, dtype=np.float64).reshape(-1, 2).T


def place_labels(axes: Axes, labels: Sequence[Words], taken: Sequence[tuple[float, float]]) -> None:
    """Write each label near its point, inside the axes, clear of other labels and of the points `taken` (data units).

    Where no place is clear the label stands where it meets the fewest others. The figure must have been drawn before,
    so that the places on it are settled.
    """
    inside = np.array(axes.get_window_extent().extents)
    points = axes.transData.transform(taken)
    boxes = np.hstack([points - CLEARANCE, points + CLEARANCE])
    for label in labels:
        size = _size(axes, label)
        offset = min(
            _offsets(size, axes.figure.dpi / 72),
            key=lambda offset: _meetings(_box(axes, label, size, offset), boxes, inside),
        )
        boxes = np.vstack([boxes, _box(axes, label, size, offset)])
        _write(axes, label, offset)


def _size(axes: Axes, label: Words) -> tuple[float, float]:
    """Width and height of the words in pixels."""
    words = axes.text(0, 0, label.text, fontsize=FONT_SIZE)
    extent = words.get_window_extent()
    words.remove()
    return extent.width, extent.height


def _offsets(size: tuple[float, float], scale: float) -> Iterator[tuple[float, float]]:
    """Where the middle of the words may lie, in pixels from the point, the nearest first."""
    for reach in REACHES:
        for across, up in DIRECTIONS:
            yield across * (reach * scale + size[0] / 2), up * (reach * scale + size[1] / 2)


def _box(axes: Axes, label: Words, size: tuple[float, float], offset: tuple[float, float]) -> Box:
    """The words' left, lower, right and upper edge in pixels."""
    middle = axes.transData.transform(label.place) + offset
    half = np.array(size) / 2 + CLEARANCE
    return np.concatenate([middle - half, middle + half])


def _meetings(box: Box, others: Box, inside: Box) -> int:
    """How many other boxes (n, 4) this one lies over; more than there are where it leaves the axes."""
    if (box[:2] < inside[:2]).any() or (box[2:] > inside[2:]).any():
        return len(others) + 1
    return int(((box[:2] < others[:, 2:]) & (others[:, :2] < box[2:])).all(axis=1).sum())


def _write(axes: Axes, label: Words, offset: tuple[float, float]) -> None:
    scale = axes.figure.dpi / 72
    axes.annotate(
        label.text,
        label.place,
        xytext=(offset[0] / scale, offset[1] / scale),
        textcoords="offset points",
        ha="center",
        va="center",
        color=INK,
        fontsize=FONT_SIZE,
        arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 3},
    )
