"""Policies over a grid of thresholds: sums against a loop, costs by hand, areas of signals that are known."""

from collections.abc import Sequence

import numpy as np
import pytest

from easyhard.evaluation.resampling import Clusters, draw_resamples, interval
from easyhard.policies.candidates import MISSING, NEVER, fit_mixtures, grid_of, levels, policies_of
from easyhard.policies.costs import Costs
from easyhard.policies.curves import Measured, areas, best_mixture, points
from easyhard.policies.policy import Mixture, Policy
from easyhard.policies.simulation import ByExit, leaving

EXITS = (1, 2, 4)
COSTS = Costs(layers=[10, 10, 10, 10], keys_values=[1, 1, 1, 1], head=20)
RANDOM = np.random.default_rng(5)


def measured(loss: Sequence[np.ndarray], cluster: np.ndarray, weights: np.ndarray) -> Measured:
    clusters = len(weights)
    tokens = np.bincount(cluster, minlength=clusters) @ weights
    fixed = np.stack([np.bincount(cluster, own, clusters) for own in loss]) @ weights / tokens
    agrees = ByExit([own == loss[-1] for own in loss])
    return Measured(ByExit(loss), agrees, ByExit(loss), fixed, weights)


def corpus(tokens: int, clusters: int, seed: int = 0) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Losses at three exits of tokens in ragged clusters, and samples of these, all tokens first."""
    random = np.random.default_rng(seed)
    last = random.gamma(2, 2, tokens)
    loss = [last + random.normal(0.4, 1, tokens), last + random.normal(0.1, 0.5, tokens), last]
    cluster = random.integers(0, clusters, tokens)
    cluster[:clusters] = np.arange(clusters)
    drawn = draw_resamples(Clusters(np.arange(clusters, dtype=np.int32), clusters, True), 200, seed)
    return loss, cluster, np.column_stack([np.ones(clusters), drawn.weights]).astype(np.float64)


@pytest.mark.parametrize(("tokens", "clusters"), [(507, 7), (255, 1)])
def test_sums_and_counts_are_those_of_a_loop_over_tokens(tokens: int, clusters: int) -> None:
    loss, cluster, _ = corpus(tokens, clusters)
    score = [np.round(RANDOM.normal(size=tokens), 1) for _ in range(2)]  # ties with thresholds too
    grid = np.array([[NEVER, NEVER], [0.7, 1.2], [0.7, 0.1], [-0.3, 0.1], [-NEVER, -NEVER]])
    left = leaving(score, grid, cluster, clusters)
    sums, counts = left.sums(ByExit(loss)), left.counts()
    for number, thresholds in enumerate(grid):
        exit = [next((e for e in range(2) if score[e][t] >= thresholds[e]), 2) for t in range(tokens)]
        given = np.array([loss[exit[t]][t] for t in range(tokens)])
        assert sums[:, number] == pytest.approx(np.bincount(cluster, given, clusters))
        assert counts[:, :, number].tolist() == [
            np.bincount(cluster, np.array(exit) == e, clusters).tolist() for e in range(3)
        ]


def test_the_cost_of_three_tokens_by_hand() -> None:
    """They leave after layers 1, 2 and 4: layers run, keys and values of those skipped, one pass, what was asked."""
    assert COSTS.whole == 60
    assert COSTS.at(EXITS).tolist() == [10 + 3 + 20, 20 + 2 + 20, 40 + 20]
    assert COSTS.asked(EXITS, [4, 6], 0, passes=False).tolist() == [33 + 4, 42 + 10, 60 + 10]
    assert COSTS.asked(EXITS, [20, 20], 0, passes=True).tolist() == [33, 42 + 20, 60 + 40]
    assert COSTS.asked(EXITS, [25, 25], 5, passes=True).tolist() == [33 + 5, 42 + 30, 60 + 50]  # translated first
    assert COSTS.layers_alone(EXITS).tolist() == [0.25, 0.5, 1]
    stored = {"layers": [10, 10], "attention": [2, 0], "keys_values": [1, 1], "head": 5}
    assert Costs.of(stored, context=3).layers == [16, 10]


def test_a_decaying_threshold_and_patience_of_three_tokens_by_hand() -> None:
    decaying = Policy("decaying", "max_probability", (1, 2), True, (0.6,), window=4)
    position = np.array([0, 2, 4])
    threshold = 0.9 * 0.6 + 0.1 * np.exp(-4 * position / 4)
    assert threshold == pytest.approx([0.64, 0.5535, 0.5418], abs=1e-4)
    assert decaying.leaves(0, threshold + 1e-9, position).tolist() == [True] * 3
    assert decaying.leaves(0, threshold - 1e-9, position).tolist() == [False] * 3
    patience = Policy("patience", "patience", (1, 2, 3, 4), True)
    counts = {2: np.array([1.0, 0.0, 1.0]), 3: np.array([2.0, 0.0, 0.0])}  # at the first exit nothing is known
    found = levels(patience, counts, position)
    assert found[0].tolist() == [MISSING] * 3
    grid = grid_of(patience, found)
    assert grid[:, 0].tolist() == [NEVER, 2, 1, 0, -NEVER]
    left = leaving(found, grid, np.zeros(3, np.int64), 1)
    assert left.counts()[:, 0, :].T.tolist() == [[0, 0, 0, 3], [0, 0, 1, 2], [0, 2, 0, 1], [0, 3, 0, 0], [0, 3, 0, 0]]


def test_a_perfect_signal_has_the_oracles_curve() -> None:
    loss, cluster, weights = corpus(2011, 30)
    excess = [own - loss[-1] for own in loss[:-1]]
    policy = Policy("learnt", "linear_excess", EXITS, high_leaves=False)
    found = levels(policy, dict(zip(EXITS, excess, strict=False)), np.zeros(2011))
    for near in (-0.3, 0.0, 0.1):
        curve = measured(loss, cluster, weights).curve(leaving(found, np.full((1, 2), -near), cluster, 30))
        oracle = np.where(excess[0] <= near, loss[0], np.where(excess[1] <= near, loss[1], loss[2]))
        assert curve.loss[0, 0] == pytest.approx(oracle.mean())
    grid = grid_of(policy, found)
    own = measured(loss, cluster, weights)
    curve, costs = own.curve(leaving(found, grid, cluster, 30)), COSTS.at(EXITS)
    gained = areas(curve, costs, costs, own.fixed, best_mixture(costs, own.fixed))
    assert interval(gained.random, 30)[0] > 0.1
    assert interval(gained.fixed, 30)[0] > 0.1


def test_a_random_signal_is_leaving_at_random() -> None:
    covered = 0
    for seed in range(20):
        loss, cluster, weights = corpus(3001, 40, seed)
        score = [np.random.default_rng([seed, e]).random(3001) for e in range(2)]
        own, costs = measured(loss, cluster, weights), COSTS.at(EXITS)
        policy = Policy("each", "max_probability", EXITS, high_leaves=True)
        curve = own.curve(leaving(score, grid_of(policy, score), cluster, 40))
        gained = areas(curve, costs, costs, own.fixed, best_mixture(costs, own.fixed))
        low, high = interval(gained.random, 40)
        covered += low <= 0 <= high
        assert gained.fixed[0] < 0.01
    assert covered >= 17


def test_thresholds_that_nobody_or_everybody_passes_are_the_last_and_the_first_exit() -> None:
    loss, cluster, weights = corpus(801, 9)
    own = measured(loss, cluster, weights)
    score = [RANDOM.normal(size=801) for _ in range(2)]
    curve = own.curve(leaving(score, grid_of(Policy("one", "x", EXITS, True), score), cluster, 9))
    assert curve.loss[0] == pytest.approx(own.fixed[-1])
    assert curve.loss[-1] == pytest.approx(own.fixed[0])
    assert curve.compute(COSTS.at(EXITS))[[0, -1], 0] == pytest.approx([60, 33])
    assert curve.random[[0, -1]] == pytest.approx(own.fixed[[-1, 0]])
    assert curve.agreement[0] == pytest.approx(1)


def test_areas_and_mixtures_by_hand() -> None:
    costs, fixed = np.array([1.0, 2.0, 3.0]), np.array([[4.0], [3.5], [1.0]])
    assert best_mixture(costs, fixed) == pytest.approx([2.5])  # the second exit lies above the line of the others
    assert best_mixture(costs, np.array([[4.0], [2.0], [1.0]])) == pytest.approx([2.25])
    asked = costs + np.array([0, 0, 10])  # the whole model is out of reach for a policy that asks so much
    own = measured([np.array([own]) for own in (4.0, 3.5, 1.0)], np.zeros(1, np.int64), np.ones((1, 1)))
    score = [np.array([0.0]), np.array([0.0])]
    curve = own.curve(leaving(score, np.array([[NEVER, NEVER], [-NEVER, -NEVER]]), np.zeros(1, np.int64), 1))
    line = 4 - 3 * (2 - 1) / (13 - 1) + 0  # at compute 2, the middle, between (1, 4) and (13, 1)
    assert areas(curve, asked, costs, own.fixed, np.array([2.5])).fixed == pytest.approx([2.5 - line])


def test_points_are_the_least_compute_and_the_least_loss_within_a_budget() -> None:
    loss = [np.full(4, own) for own in (3.2, 3.005, 3.0)]
    score = [np.array([4.0, 1, 1, 1]), np.array([4.0, 3, 2, 1])]
    grid = np.array([[NEVER, NEVER], [5, 3], [5, 1], [4, 1], [-NEVER, -NEVER]])
    own = measured(loss, np.zeros(4, np.int64), np.ones((1, 1)))
    curve = own.curve(leaving(score, grid, np.zeros(4, np.int64), 1))
    found = points(curve, COSTS.layers_alone(EXITS), 1.0, 0.0)
    assert {name: point.threshold for name, point in found.items()} == {
        "perplexity_1": 2,  # 0.005 above; with one at the first exit 0.054
        "perplexity_5": 2,
        "layers_25": 4,
        "layers_50": 2,
        "layers_75": 1,
    }
    assert "layers_25" not in points(curve, COSTS.layers_alone(EXITS) + 0.1, 1.0, 0.0)


def test_a_beta_mixture_is_the_one_that_data_are_drawn_from() -> None:
    random = np.random.default_rng(0)
    agrees = random.random(200_000) < 0.7
    confidence = np.where(agrees, random.beta(6, 2, 200_000), random.beta(2, 3, 200_000))
    (found,) = fit_mixtures([confidence], [agrees]) or [Mixture(0, (0, 0), (0, 0))]
    assert found.share == pytest.approx(0.7, abs=0.005)
    assert [*found.agree, *found.differ] == pytest.approx([6, 2, 2, 3], rel=0.03)
    near = (confidence > 0.6) & (confidence < 0.62)
    assert found.posterior(0.61) == pytest.approx(agrees[near].mean(), abs=0.02)
    assert fit_mixtures([confidence], [np.ones(200_000, dtype=bool)]) is None  # all agree: nothing to tell apart


def test_which_policies_a_signal_serves() -> None:
    def kinds(signal: str, **known: bool) -> list[str]:
        own = {"excess": False, "confidence": False} | known
        return [policy.kind for policy in policies_of(signal, EXITS, True, window=32, **own)]

    assert kinds("state_cosine") == ["one", "each"]
    assert kinds("max_probability", confidence=True) == ["one", "each", "beta", "decaying"]
    assert kinds("linear_excess", excess=True) == ["learnt", "each"]
    assert kinds("translated/patience") == ["patience"]


def test_a_policy_is_read_as_it_was_written() -> None:
    policy = Policy("beta", "max_probability", [1, 2], True, [0.5], mixtures=[Mixture(0.5, (2.0, 1.0), (1.0, 2.0))])
    assert Policy.from_json(policy.as_json()) == policy
    assert policy.leaves(0, np.array([0.4, 0.6]), np.zeros(2)).tolist() == [False, True]
