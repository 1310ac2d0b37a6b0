"""Judge every signal on the test documents, with intervals, and against the best of its class and of the head."""

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from easyhard.atomic import read_json
from easyhard.evaluation.fair import Candidate, Head, PartRows, Settings, fair_rows, learn_orientation, part_rows
from easyhard.evaluation.labels import label_name, label_thresholds, label_tokens
from easyhard.evaluation.rows import make_rows, read_rows, write_rows
from easyhard.job import job
from easyhard.signals.description import describe
from easyhard.signals.fair import (
    FIT,
    SELECT,
    TEST,
    FairTokens,
    StoredSignal,
    argmax_wrong,
    read_fair_tokens,
    stored_signals,
)
from easyhard.signals.registry import Sizes
from easyhard.signals.store import read_columns

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def sizes() -> Sizes | None:
    """What costs depend on; None for a run without a head."""
    if not snakemake.input.get("head"):
        return None
    head, settings = read_json(snakemake.input.head), snakemake.params.settings
    return Sizes(head["dim"], head["words"], settings["refined"], settings["references"])


def declared() -> dict[str, dict[str, Any]]:
    """What the settings say of the user's signals, and the training of probes and stacks of theirs."""
    found = dict(snakemake.params.settings["own"])
    for path in snakemake.input.get("costs", []):
        found |= read_json(path)
    return found


def ceiling_auroc(label: str) -> float | None:
    """The AUROC of a calibrated model on a label, where it has been measured."""
    if not snakemake.input.get("ceilings"):
        return None
    rows = read_rows(snakemake.input.ceilings)["fair"]
    return next((row.value for row in rows if (row.item, row.metric) == (label, "auroc")), None)


def candidates(tokens: FairTokens, signals: list[StoredSignal]) -> Iterator[Candidate]:
    fit, select, test = (tokens.rows(part) for part in (FIT, SELECT, TEST))
    said, known_sizes = declared(), sizes()
    for signal in signals:
        description = describe(signal.name, said.get(signal.name) or {}, known_sizes)
        high_means_easy = description.high_means_easy
        if high_means_easy is None:
            high_means_easy = learn_orientation(signal.read(len(tokens))[0][fit], tokens.loss[fit])

        def seed(column: str, path: str = signal.path) -> Callable[[], tuple[NDArray[Any], NDArray[Any]]]:
            def load() -> tuple[NDArray[Any], NDArray[Any]]:
                values = read_columns(path, [column], rows=len(tokens))[column]
                return values[select], values[test]

            return load

        seeds = [seed(column) for column in signal.columns]
        yield Candidate(signal.name, description.needs, high_means_easy, description.multiply_adds, seeds)


def main() -> None:
    settings: dict[str, Any] = snakemake.params.settings
    tokens = read_fair_tokens(snakemake.input.tokens)
    signals = stored_signals(snakemake.input.signals)
    wrong = argmax_wrong(snakemake.input.tokens, signals, len(tokens))
    thresholds = label_thresholds(settings["fair"]["thresholds"], tokens.loss[tokens.rows(TEST)].astype(np.float64))

    def part(number: int) -> PartRows:
        rows = tokens.rows(number)
        labels = label_tokens(tokens.loss[rows], thresholds, None if wrong is None else wrong[rows])
        return PartRows(tokens.loss[rows], labels, tokens.document[rows], tokens.sequence[rows])

    main_label, own_sizes = label_name(settings["fair"]["main_threshold"]), sizes()
    judging = Settings(
        main_label=main_label,
        thresholds=thresholds,
        resamples=settings["fair"]["resamples"],
        seed=settings["seed"],
        threads=min(snakemake.threads, len(os.sched_getaffinity(0))),
        head=None if own_sizes is None else Head(own_sizes.words, own_sizes.dim),
        ceiling_auroc=ceiling_auroc(main_label),
    )
    judged = list(candidates(tokens, signals))
    rows = part_rows(tokens.part, tokens.document, tokens.sequence)
    rows += fair_rows(part(SELECT), part(TEST), judged, judging)
    for candidate in judged:
        rows += make_rows("fair_signals", candidate.name, {f"needs_{candidate.needs}": 1.0})
    write_rows(snakemake.output[0], rows, protocol="fair")


with job(snakemake):
    main()
