"""Strata against brute force over pairs and over written-out resamples, and on signals whose knowledge is known."""

import numpy as np
import pytest
from scipy.stats import t

from easyhard.evaluation.resampling import Resamples, draw_resamples, make_clusters
from easyhard.evaluation.rows import Row
from easyhard.evaluation.strata import Strata, strata_rows

from .simulated import by_item

Traits = dict[str, np.ndarray]


class Sample:
    """Tokens of documents of unequal length, in windows of eight, with ties in the score."""

    def __init__(self, documents: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.document = np.repeat(np.arange(documents) * 3 + 1, random.integers(9, 24, size=documents))
        tokens = len(self.document)
        self.position, self.sequence = np.arange(tokens) % 8, np.arange(tokens) // 8
        self.frequency = np.floor(10 ** random.uniform(-0.5, 4, size=tokens)).astype(int)
        of_document = random.normal(size=documents * 3)[self.document]
        latent = random.normal(size=tokens) - 0.3 * np.log1p(self.frequency) + of_document
        self.score, self.hard = np.round(latent, 1), latent + random.normal(size=tokens) > -1.5
        self.traits = {"frequency": self.frequency, "position": self.position, "document": self.document}

    def resamples(self, count: int) -> Resamples:
        return draw_resamples(make_clusters(self.document, self.sequence), count, seed=0)


def judged(hardness: dict[str, np.ndarray], hard: np.ndarray, traits: Traits, resamples: Resamples) -> list[Row]:
    """All rows of these signals."""
    strata = Strata(hard, traits, resamples)
    rows = strata.token_rows()
    for signal, score in hardness.items():
        rows += strata_rows(signal, strata.measure(score), resamples.clusters.count)
    return rows


def brute_force(score: np.ndarray, hard: np.ndarray, group: np.ndarray) -> float:
    """The AUROC over all pairs of one group, pair by pair."""
    won = pairs = 0.0
    for token in np.flatnonzero(hard):
        others = score[~hard & (group == group[token])]
        won += (score[token] > others).sum() + (score[token] == others).sum() / 2
        pairs += len(others)
    return won / pairs


def frequency_code(frequency: np.ndarray) -> np.ndarray:
    return np.digitize(frequency, [1, 2, 11, 101, 1001])


@pytest.mark.parametrize("documents", [7, 25])
def test_values_and_intervals_against_written_out_resamples(documents: int) -> None:
    sample = Sample(documents, seed=documents)
    resamples = sample.resamples(60)
    clusters = resamples.clusters
    assert clusters.are_documents == (documents == 25)
    found = by_item(judged({"s": sample.score}, sample.hard, sample.traits, resamples), "s")

    code = frequency_code(sample.frequency)

    def figures(rows: np.ndarray, copy: np.ndarray) -> dict[str, float]:
        score, hard = sample.score[rows], sample.hard[rows]
        within = brute_force(score, hard, code[rows])
        # A document that was drawn twice is two documents; of a document's sequences, a copy stays in the document.
        document = sample.document[rows] + (1_000 * copy if documents == 25 else 0)
        inside = code[rows] == 2
        positions = np.array([0, 1, 1, 1, 2, 2, 2, 2])[sample.position[rows]]
        return {
            "auroc_frequency_2_10": brute_force(score[inside], hard[inside], np.zeros(inside.sum())),
            "auroc_within_frequency": within,
            "auroc_within_position": brute_force(score, hard, positions),
            "auroc_within_documents": brute_force(score, hard, document),
            "frequency_share": 1 - (within - 0.5) / (brute_force(score, hard, np.zeros(len(rows))) - 0.5),
        }

    every = np.arange(len(sample.score))
    values = figures(every, np.zeros(len(every)))
    replicates = []
    for drawn in resamples.weights.T.astype(int)[:, clusters.index]:
        rows = np.repeat(every, drawn)
        replicates.append(figures(rows, np.concatenate([np.arange(times) for times in drawn])))
    for name, value in values.items():
        half = t.ppf(0.975, clusters.count - 1) * np.std([replicate[name] for replicate in replicates], ddof=1)
        assert found[name].value == pytest.approx(value)
        assert (found[name].ci_low, found[name].ci_high) == pytest.approx((value - half, value + half))


def test_every_stratum_has_its_tokens() -> None:
    sample = Sample(25, seed=1)
    position = np.arange(len(sample.score)) % 41
    rows = judged({"s": sample.score}, sample.hard, sample.traits | {"position": position}, sample.resamples(20))
    tokens, signal = by_item(rows, "tokens"), by_item(rows, "s")
    strata = {}
    for kind, values, limits in (
        ("frequency", sample.frequency, ((0, 0), (1, 1), (2, 10), (11, 100), (101, 1000))),
        ("position", position, ((0, 0), (1, 3), (4, 7), (8, 15), (16, 31), (32, 63))),
    ):
        for low, high in limits:
            strata[f"{kind}_{low}" + f"_{high}" * (high > low)] = (values >= low) & (values <= high)
    strata["frequency_over_1000"] = sample.frequency > 1000
    assert {row.section for row in rows} == {"fair_strata"}
    assert set(tokens) == {f"{kind}_{name}" for kind in ("share", "hard") for name in strata}
    for name, inside in strata.items():
        assert tokens[f"share_{name}"].value == pytest.approx(inside.mean())
        assert tokens[f"hard_{name}"].value == pytest.approx(sample.hard[inside].mean())
        expected = brute_force(sample.score[inside], sample.hard[inside], np.zeros(inside.sum()))
        assert signal[f"auroc_{name}"].value == pytest.approx(expected)


def simulated(tokens: int, documents: int, seed: int) -> tuple[np.random.Generator, Traits, Resamples]:
    random = np.random.default_rng(seed)
    document = np.sort(random.integers(documents, size=tokens))
    traits = {"frequency": np.floor(10 ** random.uniform(-0.5, 4, size=tokens)).astype(int)}
    return random, traits, draw_resamples(make_clusters(document, np.arange(tokens) // 8), 200, seed)


@pytest.mark.parametrize("seed", range(3))
def test_what_only_knows_rare_words_is_seen_through_and_what_knows_nothing_of_them_keeps_all(seed: int) -> None:
    random, traits, resamples = simulated(20_000, 40, seed)
    knowledge, noise = random.normal(size=(2, 20_000))
    rare = -frequency_code(traits["frequency"]) + 0.0
    signals = {"rare": rare, "rare_and_noise": rare + 0.5 * knowledge}
    rows = judged(signals, rare + 3 + 2 * noise > 0, traits, resamples)
    assert by_item(rows, "rare")["auroc_within_frequency"].value == pytest.approx(0.5)
    assert by_item(rows, "rare")["frequency_share"].value == pytest.approx(1)
    share = by_item(rows, "rare_and_noise")["frequency_share"]
    assert share.ci_low < 1 < share.ci_high
    assert share.value == pytest.approx(1, abs=0.1)
    share = by_item(judged({"s": knowledge}, knowledge + noise > 0, traits, resamples), "s")["frequency_share"]
    assert share.value == pytest.approx(0, abs=0.05)
    assert share.ci_high - share.ci_low < 0.1


def test_many_scores_are_binned_on_resamples_with_little_loss() -> None:
    """With ten times as many distinct scores as bins, against rounded scores that are not binned."""
    random, traits, resamples = simulated(2_560, 30, seed=4)
    knowledge = random.normal(size=2_560)
    hard = knowledge + random.normal(size=2_560) > 0
    fine, rounded = (
        by_item(judged({"s": score}, hard, traits, resamples), "s")["auroc_within_frequency"]
        for score in (knowledge, np.round(knowledge, 1))
    )
    assert fine.value == pytest.approx(brute_force(knowledge, hard, frequency_code(traits["frequency"])))
    assert fine.ci_high - fine.ci_low == pytest.approx(rounded.ci_high - rounded.ci_low, rel=0.05)


def test_what_is_not_known_is_left_out() -> None:
    sample = Sample(25, seed=6)
    traits = {"frequency": np.full(len(sample.score), -1), "document": sample.document}
    rows = judged({"s": sample.score}, sample.hard, traits, sample.resamples(20))
    assert [row.metric for row in rows] == ["auroc_within_documents"]


def test_what_is_undefined() -> None:
    sample = Sample(25, seed=3)
    noise = np.random.default_rng(3).normal(size=len(sample.score))
    rows = by_item(judged({"noise": noise}, sample.hard, sample.traits, sample.resamples(200)), "noise")
    assert rows["auroc_within_frequency"].value is not None
    undefined = [rows["frequency_share"]]  # of a signal that knows nothing
    hard = sample.hard | (sample.frequency == 0)
    frequency = np.where(sample.frequency > 1000, 1000, sample.frequency)
    table = judged({"s": sample.score}, hard, {"frequency": frequency}, sample.resamples(20))
    tokens, rows = by_item(table, "tokens"), by_item(table, "s")
    assert (tokens["hard_frequency_0"].value, tokens["hard_frequency_over_1000"].value) == (1, None)
    undefined += [rows["auroc_frequency_0"], rows["auroc_frequency_over_1000"]]  # of strata without both kinds
    assert {(row.value, row.ci_low, row.ci_high) for row in undefined} == {(None, None, None)}
    within = rows["auroc_within_frequency"]
    assert within.value == pytest.approx(brute_force(sample.score, hard, frequency_code(frequency)))
    assert within.ci_low < within.value < within.ci_high
