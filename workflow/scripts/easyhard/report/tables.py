"""Markdown tables that read well in a terminal too: padded columns, numbers to the right."""

from collections.abc import Sequence
from dataclasses import dataclass

from easyhard.report.labels import Label, difference_text, item_title, metric_label, value_text
from easyhard.report.methods import median_cut, own_cut
from easyhard.report.metrics import Figure, Figures

MARK = "†"
LOSS_DIFF = metric_label("separation", "loss_diff")


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """A padded Markdown table without a last line break; the first `left` columns are flush left, the others right.

    Every row has as many cells as the header; a `|` in a cell is escaped.
    """
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in (header, *rows)]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    rule = ["-" * width if index < left else "-" * (width - 1) + ":" for index, width in enumerate(widths)]
    lines = [_line(cells[0], widths, left), _line(rule, widths, left), *(_line(row, widths, left) for row in cells[1:])]
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int], left: int) -> str:
    padded = [
        cell.ljust(width) if index < left else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"


@dataclass(frozen=True)
class Comparison:
    """Tables of this run beside the founding document.

    On another corpus than WikiText-2 the published figures are labelled with theirs, and no bands are applied.
    """

    figures: Figures
    is_founding_corpus: bool

    @property
    def published_label(self) -> str:
        """How the published figures are headed."""
        return "published" if self.is_founding_corpus else "published (WikiText-2)"

    def outside(self, figure: Figure) -> bool:
        """Whether the figure is to be marked: outside its band, on the corpus that the bands are for."""
        return self.is_founding_corpus and figure.outside

    def listing(self, section: str, item: str, metrics: Sequence[str]) -> str:
        """One row a metric of one item: this run, published, difference."""
        rows = []
        for metric in metrics:
            label, figure = metric_label(section, metric), self.figures.figure(section, item, metric)
            rows.append([label.heading, *self._three(label, figure)])
        return markdown(["figure", "this run", self.published_label, "difference"], rows)

    def grid(self, section: str, items: Sequence[str], metrics: Sequence[str], kind: str) -> str:
        """One column a metric; for each item a row of this run and, where anything is published, two rows below it.

        `kind` heads the first column: what an item is.
        """
        labels = [metric_label(section, metric) for metric in metrics]
        columns = [self.figures.column(section, items, metric) for metric in metrics]
        rows: list[list[str]] = []
        for item, found in zip(items, zip(*columns, strict=True), strict=True):
            cells = [self._three(label, figure) for label, figure in zip(labels, found, strict=True)]
            run, published, difference = (list(row) for row in zip(*cells, strict=True))
            rows.append([item_title(item), "this run", *run])
            if any(figure.published is not None for figure in found):
                rows += [["", self.published_label, *published], ["", "difference", *difference]]
        return markdown([kind, "source", *(label.heading for label in labels)], rows, left=2)

    def median_cut(self) -> str:
        """The final comparison: every method at the median cut, with its share of the oracle's Loss Diff."""
        oracle = self.figures.figure("separation", "oracle", "loss_diff")
        rows = [
            [method.title, method.sees, *self._three(LOSS_DIFF, method.loss_diff),
             share_text(method.loss_diff.value, oracle.value), share_text(method.loss_diff.published, oracle.published)]
            for method in median_cut(self.figures)
        ]  # fmt: skip
        shares = ["oracle share (%)", f"{self.published_label}, share (%)"]
        return markdown(["method", "kind", *self._heads("Loss Diff (nats)"), *shares], rows, left=2)

    def own_cut(self) -> str:
        """The classifiers at their own threshold, with the share of tokens that each calls easy."""
        easy = metric_label("classification", "easy_share")
        rows = [
            [method.title, value_text(easy, method.easy_share), *self._three(LOSS_DIFF, method.loss_diff)]
            for method in own_cut(self.figures)
        ]
        return markdown(["method", "called easy (%)", *self._heads("Loss Diff (nats)")], rows)

    def _heads(self, name: str) -> list[str]:
        return [name, self.published_label, "difference"]

    def bands(self) -> str:
        """One row for every figure that has a band: this run, the band, inside or outside."""
        rows = []
        for section, item, metric in self.figures.banded():
            label, figure = metric_label(section, metric), self.figures.figure(section, item, metric)
            run, published, _ = self._three(label, figure)
            place = f"outside {MARK}" if figure.outside else "inside"
            names = [section.replace("_", " "), item_title(item), label.heading]
            rows.append([*names, run, published, band_text(label, figure), place])
        header = ["section", "item", "figure", "this run", self.published_label, "band", "this run is"]
        return markdown(header, rows, left=3)

    def _three(self, label: Label, figure: Figure) -> tuple[str, str, str]:
        """This run (with its interval, and marked where it leaves its band), published, difference."""
        run = value_text(label, figure.value)
        if figure.ci_low is not None and figure.ci_high is not None:
            run += f" [{value_text(label, figure.ci_low)}, {value_text(label, figure.ci_high)}]"
        if self.outside(figure):
            run += f" {MARK}"
        return run, value_text(label, figure.published), difference_text(label, figure.value, figure.published)


def share_text(part: float | None, whole: float | None) -> str:
    """One Loss Diff as a share of another, in percent; a dash where either is null or the whole is zero."""
    share = part / whole if part is not None and whole else None
    return value_text(metric_label("separation", "oracle_share"), share)


def band_text(label: Label, figure: Figure) -> str:
    """A figure's band in words, in the printed unit."""
    low, high = value_text(label, figure.band_low), value_text(label, figure.band_high)
    if figure.band_low is None:
        return f"below {high}"
    if figure.band_high is None:
        return f"above {low}"
    return f"{low} to {high}"
