"""Judging signals with intervals, plain against ours: one table of times and memory.

    python tests/benchmarks/evaluation/bench.py --threads 2

Ours is all of `judged_rows`: six labels, every figure, every resample, differences and rows. Plain takes AUROC and
average precision of each label, Spearman, risk–coverage and the median split from scikit-learn, scipy and numpy on the
rows that a resample repeats; it is timed on a few resamples of one signal, and what all of them would take is worked
out from that. Times are seconds on the clock and seconds of a core, which do not grow when the machine is busy. Memory
is what the process held at its peak beyond the inputs.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

sys.path.insert(0, str(Path(__file__).parents[3] / "workflow" / "scripts"))
sys.path.insert(0, str(Path(__file__).parents[1]))
from memory import with_peak

from easyhard.evaluation.judging import Candidate, Documents, judged_rows
from easyhard.evaluation.resampling import draw_resamples
from easyhard.signals.registry import Sizes
from easyhard.signals.tokens import FIT, SELECT, TEST, TokenTable

PARTS = 3
SIZES = Sizes(dim=64, words=69830, refined=64, references=4096)


@dataclass(frozen=True)
class Corpus:
    """Documents whose fit and select rows are the test rows too, and the noise-free part of the signals of each."""

    documents: Documents
    latent: np.ndarray
    threads: int


def corpus(tokens: int, clusters: int, resamples: int, threads: int) -> Corpus:
    """Clusters of ragged sizes that share a part of the loss and of the signals."""
    random = np.random.default_rng(0)
    cluster = np.sort(np.concatenate([np.arange(clusters), random.integers(0, clusters, tokens - clusters)]))
    latent = 0.5 * random.normal(size=clusters)[cluster] + random.normal(size=tokens)
    wrong = np.tile(random.random(tokens) < 1 / (1 + np.exp(-latent)), PARTS)
    loss = np.tile(np.exp(1.6 + 0.8 * latent).astype(np.float32), PARTS)
    document, unknown = np.tile(cluster.astype(np.int32), PARTS), np.full(PARTS * tokens, -1)
    table = TokenTable(document, document, unknown, loss, np.repeat([FIT, SELECT, TEST], tokens), unknown)
    settings = {"thresholds": [1, 3, 5, 8], "main_threshold": 3, "resamples": resamples}
    return Corpus(Documents(table, wrong, settings, seed=0), latent, threads)


def ours(data: Corpus, signals: int) -> None:
    """All figures of so many signals; columns are made when they are asked for, as they are read in a run."""

    def column(seed: int) -> np.ndarray:
        noise = np.random.default_rng(seed).normal(size=len(data.latent))
        return np.tile((data.latent + noise).astype(np.float32), PARTS)

    candidates = [
        Candidate(f"{i}", "head", False, 1, [lambda i=i: column(i)], stratified=False) for i in range(signals)
    ]
    advice = {"budget": 1, "budgets": [0.001, 0.01, 0.1, 1], "margin": 0.005}
    judged_rows(data.documents, candidates, SIZES, None, 0.8, advice, data.threads)


def plain(data: Corpus, weights: np.ndarray) -> None:
    """The same figures of one signal on one resample that holds each cluster so many times."""
    hardness = data.latent + np.random.default_rng(0).normal(size=len(data.latent))
    rows = np.repeat(np.arange(len(hardness)), weights[data.documents.resamples.clusters.index].astype(int))
    hardness, loss = hardness[rows], data.documents.loss[rows]
    labels = {name: label[data.documents.test] for name, label in data.documents.labels.items()}
    for hard in labels.values():
        roc_auc_score(hard[rows], hardness)
        average_precision_score(hard[rows], hardness)
    spearmanr(hardness, loss)
    for scores, risk in ((hardness, loss), (loss, loss), (hardness, labels["argmax_wrong"][rows])):
        np.cumsum(risk[np.argsort(scores)]).mean()
    for scores in (hardness, loss):
        easy = scores <= np.median(scores)
        loss[~easy].mean() - loss[easy].mean()


def seconds(function: Callable[[], object]) -> tuple[float, float]:
    """On the clock, and of a core."""
    start = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - start[0], time.process_time() - start[1]


def row(tokens: int, clusters: int, options: argparse.Namespace) -> str:
    """One line of the table."""
    data = corpus(tokens, clusters, options.resamples, options.threads)
    _, memory = with_peak(lambda: ours(data, options.threads))  # a signal a thread; also warms up
    clock, core = seconds(lambda: ours(data, options.signals))
    weights = draw_resamples(data.documents.resamples.clusters, options.plain_resamples, seed=0).weights
    one = statistics.median(seconds(lambda w=w: plain(data, w))[1] for w in weights.T)
    whole = one * options.signals * options.resamples
    return (
        f"| {tokens:,} | {clusters:,} | {options.signals} | {options.resamples:,} "
        f"| {clock:.1f} | {core:.1f} | {memory:,.0f} | {one:.3f} | {whole / 3600:.1f} | {whole / core:,.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--signals", type=int, default=40)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--plain-resamples", type=int, default=3, help="timed of the plain way; the rest is worked out")
    options = parser.parse_args()
    print(f"numpy {np.__version__}, {options.threads} threads for ours, one for plain; six labels\n")
    print(
        "| tokens | clusters | signals | resamples | ours s | ours core s | ours MB "
        "| plain core s, one signal and resample | plain core h, all (worked out) | ratio |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for tokens, clusters in ((65_536, 60), (65_536, 2048), (205_000, 54)):
        print(row(tokens, clusters, options), flush=True)


if __name__ == "__main__":
    main()
