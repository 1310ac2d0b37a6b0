"""Judge signals among tokens that are alike: of one target frequency, one position, one document."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from easyhard.evaluation.clusters import make_clusters
from easyhard.evaluation.fair import learn_orientation
from easyhard.evaluation.resampling import draw_resamples
from easyhard.evaluation.rows import write_rows
from easyhard.evaluation.strata import Traits, strata_rows
from easyhard.job import job
from easyhard.signals.description import describe
from easyhard.signals.fair import FIT, TEST, FairTokens, StoredSignal, read_fair_tokens, stored_signals

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


class Hardness(Mapping[str, Sequence[NDArray[Any]]]):
    """The signals' scores on the test rows, high for tokens thought hard, read one signal at a time."""

    def __init__(self, tokens: FairTokens, signals: Sequence[StoredSignal], declared: Mapping[str, Any]) -> None:
        self.tokens, self.declared = tokens, declared
        self.signals = {signal.name: signal for signal in signals}

    def __getitem__(self, name: str) -> Sequence[NDArray[Any]]:
        columns = self.signals[name].read(len(self.tokens))
        easy = describe(name, self.declared.get(name) or {}, None).high_means_easy
        if easy is None:
            fit = self.tokens.rows(FIT)
            easy = learn_orientation(columns[0][fit], self.tokens.loss[fit])
        return [(-1 if easy else 1) * column[self.tokens.rows(TEST)] for column in columns]

    def __iter__(self) -> Iterator[str]:
        return iter(self.signals)

    def __len__(self) -> int:
        return len(self.signals)


def main() -> None:
    settings = snakemake.params.settings
    tokens = read_fair_tokens(snakemake.input.tokens)
    test = tokens.rows(TEST)
    clusters = make_clusters(tokens.document[test], tokens.sequence[test])
    rows = strata_rows(
        Hardness(tokens, stored_signals(snakemake.input.signals), settings["own"]),
        tokens.loss[test] > settings["main_threshold"],
        Traits(tokens.target_count[test], tokens.position[test].astype(np.int64), tokens.document[test]),
        clusters,
        draw_resamples(clusters.count, settings["resamples"], settings["seed"]),
    )
    write_rows(snakemake.output[0], rows, protocol="fair")


with job(snakemake):
    main()
