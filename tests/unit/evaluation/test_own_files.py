"""Files as people bring them, from the table to the figures: what is caught, left out, described and judged."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import pearsonr, spearmanr

from easyhard.errors import InputError
from easyhard.evaluation.measures import evaluate
from easyhard.evaluation.run import Run
from easyhard.imports.signals import import_signals, signal_batches
from easyhard.signals.context import read_context_signals
from easyhard.signals.parts import parted
from easyhard.signals.store import write_batches, write_columns

TOKENS = 4000
RANDOM = np.random.default_rng(0)
LOSS = RANDOM.gamma(2, 2, TOKENS).astype(np.float32)
SCORE = (LOSS + RANDOM.normal(0, 3, TOKENS)).astype(np.float32)
DOCUMENT = np.repeat(np.arange(40), 100).astype(np.int32)
FAIR = {"thresholds": [1, 3], "main_threshold": 3, "resamples": 100, "references": 64}
SHARED = Path(os.environ.get("EASYHARD_SHARED", "../shared"))
REPEAT = SHARED / "data" / "founding-repeat" / "activations.npz"

Figures = dict[tuple[str, str, str, str], Any]


def measured(folder: Path, columns: Mapping[str, Any], own: Mapping[str, Any] | None = None, **fair: Any) -> Figures:
    """All figures of a file with these columns; `own` is what the settings say of its signals."""
    file = folder / "mine.parquet"
    pl.DataFrame(dict(columns)).write_parquet(file)
    given = {"path": str(file), "names": {}, "leave_out": [], "signals": own or {}}
    read = import_signals(given, length=32)
    paths = {name: str(folder / f"{name}.parquet") for name in ("rows", "own", "context")}
    write_batches(paths["own"], signal_batches(read))
    write_columns(paths["rows"], parted(read.tokens, {"seed": 1, "fit": 0.4, "select": 0.15}))
    write_columns(paths["context"], read_context_signals(paths["rows"], None, slice(0, len(read.tokens["loss"]))))
    settings = {"kind": "signals", "seed": 1, "protocols": ["fair"], "fair": FAIR | fair, "own": own or {}}
    settings |= {"advice": {"budget": 1, "budgets": [0.01, 1], "margin": 0.005}}
    table = evaluate(Run(paths | {"context": [paths["context"]]}, settings, threads=1))
    keys = ("protocol", "section", "item", "metric")
    assert not table.select(keys).is_duplicated().any()
    return {tuple(row[key] for key in keys): row["value"] for row in table.iter_rows(named=True)}


def columns(**more: Any) -> dict[str, Any]:
    return {"loss": LOSS, "score": SCORE, "document": DOCUMENT, **more}


def items(found: Figures, section: str) -> set[str]:
    return {item for protocol, own, item, _ in found if (protocol, own) == ("fair", section)}


LEAKS = {
    "line": -2 * LOSS + 1,
    "bent": np.exp(-LOSS),
    "label": LOSS > 3,
    "exit_label": (np.median(LOSS) >= LOSS).astype(np.int8),
    "rank": LOSS.argsort().argsort(),
    "noisy": LOSS + RANDOM.normal(0, 1, TOKENS),
    "own_average": pl.Series(LOSS).rolling_mean(4, min_samples=1),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_signal_that_is_the_answer_is_named_and_not_judged(tmp_path: Path, name: str) -> None:
    found = measured(tmp_path, columns(**{name: LEAKS[name]}))
    assert items(found, "leaks") == {name}
    assert any(metric.startswith("reason_") for _, section, _, metric in found if section == "leaks")
    for section in ("fair_signals", "fair_differences", "fair_risk", "advice"):
        assert name not in items(found, section)
    assert "score" in items(found, "fair_signals")
    assert found["fair", "fair_differences", "score", "is_class_best"] == 1
    assert found["fair", "leak_search", "signals", "caught"] == 1
    assert found["fair", "causality", "states", "checked"] == 0


def test_an_oracle_that_says_so_is_shown_as_one(tmp_path: Path) -> None:
    found = measured(tmp_path, columns(line=LEAKS["line"]), {"line": {"needs": "target"}})
    assert not items(found, "leaks")
    assert found["fair", "fair_signals", "line", "needs_target"] == 1
    assert found["fair", "fair_signals", "line", "auroc_loss_over_3"] == 1
    assert "line" not in items(found, "fair_differences")
    assert found["fair", "leak_search", "signals", "oracles"] >= 1


@pytest.mark.parametrize("needs", ["head", "hidden", None])
def test_what_else_is_said_of_it_does_not_help(tmp_path: Path, needs: str | None) -> None:
    found = measured(tmp_path, columns(line=LEAKS["line"]), {"line": {"needs": needs}})
    assert items(found, "leaks") == {"line"}


def test_a_seed_that_is_the_answer_is_enough(tmp_path: Path) -> None:
    found = measured(tmp_path, columns(**{"probe@0": SCORE * 2, "probe@1": LOSS}))
    assert items(found, "leaks") == {"probe"}


def test_the_losses_of_earlier_tokens_are_honest(tmp_path: Path) -> None:
    earlier = np.concatenate([[0], LOSS[:-1]])
    average = pl.Series(earlier).rolling_mean(4, min_samples=1)
    found = measured(tmp_path, columns(earlier=earlier, average=average))
    assert not items(found, "leaks")
    assert {"earlier", "average", "score"} <= items(found, "fair_signals")


def test_labels_of_one_kind_are_left_out_and_the_rest_is_judged(tmp_path: Path) -> None:
    loss = (0.5 + 0.1 * np.random.default_rng(3).random(TOKENS)).astype(np.float32)
    found = measured(tmp_path, columns() | {"loss": loss}, thresholds=[3])
    assert items(found, "one_kind") == {"loss_over_3"}
    assert found["fair", "one_kind", "loss_over_3", "hard_test"] == 0
    main = found["fair", "fair_data", "clusters", "main_threshold"]
    assert main == found["fair", "one_kind", "loss_over_3", "stands_in"] == pytest.approx(0.55, abs=0.01)
    assert items(found, "fair_labels") == {f"loss_over_{main:g}", "loss_over_median"}
    assert 0.4 < found["fair", "fair_signals", "score", f"auroc_loss_over_{main:g}"] < 0.6


def test_chance_stands_beside(tmp_path: Path) -> None:
    found = measured(tmp_path, columns())
    assert found["fair", "chance", "random_token", "auroc_loss_over_3"] == 0.5
    assert found["fair", "chance", "random_token", "auprc_loss_over_3"] == pytest.approx(
        found["fair", "fair_labels", "loss_over_3", "prevalence"]
    )


def test_founding_figures_of_all_rows(tmp_path: Path) -> None:
    own = {"score": {"high_means": "hard", "predicts": "loss", "thresholds": [2.5]}}
    found = measured(tmp_path, columns(probe=-SCORE), own)

    def value(section: str, item: str, metric: str) -> float:
        return found["all_rows", section, item, metric]

    loss, score = LOSS.astype(np.float64), SCORE.astype(np.float64)
    easy = loss <= np.median(loss)
    spread = np.sqrt((loss[easy].var() + loss[~easy].var()) / 2)
    wanted = {"tokens": TOKENS, "mean": loss.mean(), "std": loss.std(), "q25": np.quantile(loss, 0.25)}
    wanted |= {"easy_mean": loss[easy].mean(), "hard_mean": loss[~easy].mean()}
    wanted |= {"loss_diff": loss[~easy].mean() - loss[easy].mean()}
    wanted |= {"cohens_d": (loss[~easy].mean() - loss[easy].mean()) / spread}
    for metric, number in wanted.items():
        assert value("loss_distribution", "loss", metric) == pytest.approx(number, rel=1e-6)
    assert 0 < value("loss_distribution", "loss", "dip") < 0.05
    assert ("all_rows", "loss_distribution", "loss", "unseen_target_share") not in found
    assert value("separation", "score", "pearson") == pytest.approx(pearsonr(score, loss).statistic)
    assert value("separation", "probe", "spearman") == pytest.approx(-spearmanr(score, loss).statistic)
    assert (value("separation", "score", "high_means_easy"), value("separation", "probe", "high_means_easy")) == (0, 1)
    called = score <= np.median(score)
    for item in ("score", "probe"):
        difference = loss[~called].mean() - loss[called].mean()
        assert value("separation", item, "loss_diff") == pytest.approx(difference)
        assert value("thresholds", f"{item}/median", "loss_diff") == pytest.approx(difference)
    assert value("thresholds", "score/2.5", "easy_share") == pytest.approx((score <= 2.5).mean())
    assert value("thresholds", "score/2.5", "hard_loss") == pytest.approx(loss[score > 2.5].mean())
    assert ("all_rows", "thresholds", "probe/2.5", "easy_share") not in found
    squares = ((score - loss) ** 2).mean()
    assert value("regression", "score", "mse") == pytest.approx(squares)
    assert value("regression", "score", "r2") == pytest.approx(1 - squares / loss.var())
    assert ("all_rows", "regression", "probe", "mse") not in found


def test_known_names_have_the_founding_thresholds(tmp_path: Path) -> None:
    found = measured(tmp_path, columns(target_probability=np.exp(-LOSS), exit_classifier=SCORE, oracle=LOSS))
    cuts = {item for protocol, section, item, _ in found if (protocol, section) == ("all_rows", "thresholds")}
    assert {f"target_probability/{cut}" for cut in ("0.01", "0.02", "0.05", "median")} <= cuts
    assert {"exit_classifier/1", "exit_classifier/3"} <= cuts
    assert ("all_rows", "regression", "exit_classifier", "r2") in found
    assert found["fair", "fair_signals", "target_probability", "needs_target"] == 1


def test_a_file_of_answers_alone_is_named(tmp_path: Path) -> None:
    own = {"loss": LOSS, "document": DOCUMENT, "line": LEAKS["line"]}
    found = measured(tmp_path, own)  # whose losses of earlier tokens are judged yet
    assert items(found, "leaks") == {"line"}
    assert "line" not in items(found, "fair_signals")


@pytest.mark.skipif(not REPEAT.exists(), reason=f"{REPEAT} is not at hand")
def test_the_founding_author_gets_his_figures_back(tmp_path: Path) -> None:
    """From a file of his losses and metrics: r, mean, std, easy, hard, Loss Diff, share, to the last printed digit."""
    torch = pytest.importorskip("torch")
    from easyhard.logits.statistics import logit_statistics

    metrics = ("max_probability", "max_logit", "max_minus_mean", "margin")
    with np.load(REPEAT) as arrays:
        hidden, loss, head = (arrays[name] for name in ("hidden", "loss", "head"))
    said = logit_statistics(torch.from_numpy(hidden), torch.from_numpy(head), statistics=metrics)
    row = np.arange(len(loss))
    given = {"loss": loss, "document": row // 320, "sequence": row // 32, "position": row % 32}
    found = measured(tmp_path, given | {name: said[name].numpy() for name in metrics})

    def printed(section: str, item: str, **formats: str) -> tuple[str, ...]:
        return tuple(format(found["all_rows", section, item, name], spec) for name, spec in formats.items())

    places = {"mean": ".4f", "std": ".4f", "min": ".4f", "max": ".4f", "loss_diff": ".2f", "cohens_d": ".2f"}
    wanted = ("6.8273", "4.4631", "0.0450", "21.7739", "7.29", "2.83")
    assert printed("loss_distribution", "loss", **places) == wanted
    halves = {"easy_loss": ".2f", "hard_loss": ".2f", "loss_diff": ".2f", "oracle_share": ".1%"}
    expected = {
        "max_probability": ("-0.2558", "0.1741", "0.1341", "5.99", "7.67", "1.68", "23.1%"),
        "max_logit": ("-0.2907", "8.0843", "1.2039", "5.88", "7.77", "1.89", "25.9%"),
        "max_minus_mean": ("-0.2979", "13.3640", "1.4649", "5.80", "7.85", "2.05", "28.1%"),
        "margin": ("-0.1030", "0.8790", "0.7816", "6.54", "7.12", "0.58", "7.9%"),
    }
    for name, own in expected.items():
        assert printed("separation", name, pearson=".4f", mean=".4f", std=".4f", **halves) == own
    assert not items(found, "leaks")


def test_a_loss_that_never_varies_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"fair\.main_threshold: 3, on one side of which lie all losses"):
        measured(tmp_path, columns() | {"loss": np.ones(TOKENS, np.float32)})
