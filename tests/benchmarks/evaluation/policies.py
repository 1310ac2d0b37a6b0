"""Exit policies over their thresholds and resamples, sorted once and added up, against a loop over thresholds.

    python tests/benchmarks/evaluation/policies.py --threads 2

Ours is everything that one policy is told of on test documents: its curve on every resample by either count, and both
areas. Plain is numpy, threshold by threshold: who leaves where, and what resamples of that weigh; timed on few
thresholds of one policy, and worked out for all. Seconds on the clock.
"""

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[3] / "workflow" / "scripts"))

from easyhard.evaluation.resampling import Clusters, draw_resamples
from easyhard.policies.candidates import grid_of
from easyhard.policies.costs import Costs
from easyhard.policies.curves import Measured, areas, best_mixture
from easyhard.policies.policy import Policy
from easyhard.policies.simulation import ByExit, leaving


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("tokens", 200_000), ("exits", 8), ("documents", 60), ("policies", 160), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    own = parser.parse_args()
    random, exits = np.random.default_rng(0), range(1, own.exits + 1)
    cluster = np.sort(random.integers(0, own.documents, own.tokens))
    weights = draw_resamples(Clusters(cluster.astype(np.int32), own.documents, True), 1000, 0).weights
    weights = np.column_stack([np.ones(own.documents), weights]).astype(np.float64)
    loss = [random.gamma(2, 2, own.tokens) for _ in exits]
    sums = np.stack([np.bincount(cluster, one, own.documents) for one in loss])
    fixed = sums @ weights / (np.bincount(cluster) @ weights)
    by_exit = ByExit(loss)
    measured = Measured(by_exit, by_exit, by_exit, fixed, weights)
    costs = Costs([65536] * own.exits, [8192] * own.exits, 131072)
    random_costs, mixture = costs.at(list(exits)), best_mixture(costs.at(list(exits)), fixed)
    signals = [[random.normal(size=own.tokens) for _ in exits[:-1]] for _ in range(4)]
    policy = Policy("each", "signal", list(exits), high_leaves=True)

    def ours(number: int) -> None:
        found = signals[number % len(signals)]
        curve = measured.curve(leaving(found, grid_of(policy, found), cluster, own.documents))
        for asked in (costs.asked(list(exits), [64] * (own.exits - 1), 0, False), random_costs):
            areas(curve, asked, random_costs, fixed, mixture)

    started = time.perf_counter()
    with threadpool_limits(1), ThreadPoolExecutor(own.threads) as pool:
        list(pool.map(ours, range(own.policies)))
    taken = time.perf_counter() - started

    started = time.perf_counter()
    grid = grid_of(policy, signals[0])[20:23]
    for thresholds in grid:
        exit = np.full(own.tokens, own.exits - 1)
        for place in reversed(exits[:-1]):
            exit[signals[0][place - 1] >= thresholds[place - 1]] = place - 1
        given = np.choose(exit, loss)
        for resample in weights.T[:20]:
            weight = resample[cluster]
            np.average(given, weights=weight)
            np.bincount(exit, weight, own.exits)
    plain = (time.perf_counter() - started) / len(grid) / 20 * 50 * weights.shape[1] * own.policies
    print(f"{own.policies} policies, {own.tokens:,} tokens, {own.exits} exits, 50 thresholds, 1,000 resamples")
    print("| plain s (worked out) | ours s | plain/ours |\n|---:|---:|---:|")
    print(f"| {plain:,.0f} | {taken:.1f} | {plain / taken:,.0f} |")


if __name__ == "__main__":
    main()
