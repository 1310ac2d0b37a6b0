"""All figures of a small run of both protocols, from its files in shards; and of runs that have less."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from easyhard.activations.store import write_shard
from easyhard.atomic import write_json
from easyhard.errors import InputError
from easyhard.evaluation.measures import ceilings, evaluate
from easyhard.evaluation.run import Run
from easyhard.signals.store import write_columns
from easyhard.tokens.encoding import TokenStream
from easyhard.tokens.store import write_stream

from .simulated import head_metrics, tail_mass

RANDOM = np.random.default_rng(0)
WORDS, DIM, TOKENS = 30, 4, 1500
HIDDEN, HEAD = RANDOM.normal(size=(TOKENS, DIM)), 1.5 * RANDOM.normal(size=(WORDS, DIM))
LOGITS, LOW = HIDDEN @ HEAD.T, HIDDEN[:, :2] @ HEAD[:, :2].T
P = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
TARGET = np.array([RANDOM.choice(WORDS, p=p) for p in P], dtype=np.int32)
LOSS = -np.log(P[np.arange(TOKENS), TARGET]).astype(np.float32)
EXACT, APPROXIMATE = head_metrics(LOGITS), head_metrics(LOW)
EXACT |= {"target_probability": P[np.arange(TOKENS), TARGET], "max_probability": P.max(axis=1)}
DOCUMENT = np.repeat(np.arange(60, dtype=np.int32), 25)
PART = (DOCUMENT % 3).astype(np.int8)
TEST = PART == 2
DRAWN = -np.log([RANDOM.choice(p, p=p) for p in P[TEST]])
RANK = {"coverage": 0.5, "logits_pearson": 0.8, "seconds": 1.5}
PROBES = {"linear_easy@0": -LOSS + RANDOM.normal(size=TOKENS), "linear_easy@1": -LOSS + RANDOM.normal(size=TOKENS)}
SETTINGS: dict[str, Any] = {
    "seed": 3,
    "fair": {"thresholds": [1, 3], "main_threshold": 3, "resamples": 100, "references": 5},
    "advice": {"budget": 1, "budgets": [0.01, 1], "margin": 0.005},
    "fair_low_rank": {"refined": 3},
    "loss_probes": {"easy_threshold": 3.0},
    "sequences": {"train": 10, "length": 5, "batch_size": 2},
    "own": {"hunch": {"high_means": "hard", "multiply_adds": 7}},
    "protocols": ["published", "fair"],
    "kind": "trained",
}


def shards(folder: Path, name: str, columns: dict[str, np.ndarray], cut: int = 500) -> list[str]:
    """A table of two shards, the second one from row `cut` on."""
    for number, part in enumerate((slice(0, cut), slice(cut, None))):
        write_columns(folder / f"{name}_{number}.parquet", {key: own[part] for key, own in columns.items()})
    return [str(folder / f"{name}_{number}.parquet") for number in range(2)]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The inputs of the rule for a run of both protocols, on the same tokens."""
    folder = tmp_path_factory.mktemp("run")
    metrics = {name: EXACT[name] for name in EXACT if name != "argmax"}
    head = metrics | {"scaled_max_probability": EXACT["max_probability"], "scaled_loss": LOSS}
    head |= {f"tail_mass_{threshold}": tail_mass(P, threshold) for threshold in (1, 3)}
    low = {f"plain/2/{name}": own for name, own in APPROXIMATE.items()}
    low_words = {"plain/2/argmax": low.pop("plain/2/argmax")[TEST]}
    rows = dict.fromkeys(("document", "sequence"), DOCUMENT) | {"part": PART, "loss": LOSS}
    rows |= {"position": (np.arange(TOKENS) % 25).astype(np.int16), "target_count": TARGET}
    on_test = {"regression/linear": LOSS + 1, "classification/linear": np.exp(-LOSS), "metric/margin": -LOSS}
    curve = {f"learning/linear_easy/0.5{name[-2:]}": np.where(TEST, own, np.nan) for name, own in PROBES.items()}
    published = {name: np.where(np.arange(TOKENS) % 4 == 0, own, np.nan) for name, own in on_test.items()}
    tables = {"rows": rows, "probes": PROBES, "held_out": curve, "published_probes": published}
    tables["exit_classifier"] = {"exit_classifier": LOSS / 2}
    for name, columns in tables.items():
        write_columns(folder / f"{name}.parquet", columns)
    stack = {"learning_rate": 0.1, "leaves": 15, "comparisons": 80.0, "importance": {"entropy": [0.2, 0.01]}}
    summaries = {
        "low_rank_summary": {name: {"plain/2": value} for name, value in RANK.items()},
        "probes_summary": {"costs": {"linear_easy": {"multiply_adds": 4}}, "learning": {"linear_easy/0.5": [100, 4]}},
        "stacks_summary": {"costs": {}, "stacks": {"stack_head": stack}},
        "fitted": {"words": WORDS, "dim": DIM, "temperature": 1.0},
        "tokens": {"vocabulary_size": WORDS},
        "model": {"validation_perplexity": 9.5, "epochs": 3, "identity": "x"},
        "exit_summary": {"threshold": 1.5},
    }
    for name, value in summaries.items():
        write_json(folder / f"{name}.json", value)
    activations = dict.fromkeys(("sequence", "document"), DOCUMENT) | {"token": TARGET, "target": TARGET, "loss": LOSS}
    activations |= {"position": rows["position"], "split": np.full(TOKENS, "validation")}
    write_shard(folder / "a.parquet", [activations | {"hidden": HIDDEN.astype(np.float32)}], DIM, {})
    write_stream(folder / "train.parquet", TokenStream(np.arange(99, dtype=np.int32) % 20, np.zeros(99, np.int32)))
    own = {name: str(folder / f"{name}.parquet") for name in (*tables, "train")}
    own |= {name: str(folder / f"{name}.json") for name in summaries}
    low_summaries = [own.pop("low_rank_summary")] * 2
    return own | {
        "head": shards(folder, "head", head),
        "context": shards(folder, "context", {"hunch": LOSS + RANDOM.normal(size=TOKENS)}),
        "words": shards(folder, "words", {"argmax": EXACT["argmax"][TEST], "draw_0": DRAWN}, cut=200),
        "low_rank": shards(folder, "low_rank", low),
        "low_rank_words": shards(folder, "low_rank_words", low_words, cut=200),
        "low_rank_summary": low_summaries,
        "activations": [str(folder / "a.parquet")],
        "published_head": shards(folder, "published_head", metrics),
        "published_low_rank": shards(folder, "published_low_rank", low),
        "published_low_rank_summary": low_summaries,
    }


Figures = dict[tuple[str, str, str], float | None]


def measured(files: dict[str, Any], **settings: Any) -> Figures:
    table = evaluate(Run(files, SETTINGS | settings, threads=2))
    assert not table.select("protocol", "section", "item", "metric").is_duplicated().any()
    return {tuple(row[:3]): row[3] for row in table.select("section", "item", "metric", "value").rows()}


@pytest.fixture(scope="module")
def found(files: dict[str, Any]) -> Figures:
    return measured(files)


def test_sections_are_those_of_the_protocols(files: dict[str, Any], found: Figures) -> None:
    fair = "data labels signals risk differences strata shape ceilings calibration low_rank learning stacks"
    published = {"model", "loss_distribution", "separation", "thresholds", "high_confidence", "low_rank"}
    published |= {"regression", "classification", "metric_prediction", "chance"}
    others = {"advice", "chance", "leak_search", "causality"}
    assert {section for section, _, _ in found} == published | others | {f"fair_{name}" for name in fair.split()}
    assert {section for section, _, _ in measured(files, protocols=["published"])} == published


def test_figures_of_documents_come_from_their_own_rows(found: Figures) -> None:
    hard = LOSS[TEST] > 3
    aurocs = [roc_auc_score(hard, -values[TEST]) for values in PROBES.values()]
    entropy = roc_auc_score(hard, EXACT["entropy"][TEST])
    ceiling = roc_auc_score(DRAWN > 3, tail_mass(P, 3)[TEST])
    expected = {
        ("fair_signals", "linear_easy", "auroc_loss_over_3"): np.mean(aurocs),
        ("fair_learning", "linear_easy/0.5", "auroc"): np.mean(aurocs),
        ("fair_learning", "linear_easy/0.5", "documents"): 4,
        ("fair_signals", "linear_easy", "multiply_adds"): 4,
        ("fair_signals", "hunch", "multiply_adds"): 7,
        ("fair_signals", "entropy", "auroc_loss_over_3"): entropy,
        ("fair_low_rank", "plain/2", "argmax_kept"): (APPROXIMATE["argmax"] == EXACT["argmax"])[TEST].mean(),
        ("fair_low_rank", "plain/2", "cost_share"): 2 * (DIM + WORDS) / (DIM * WORDS),
        ("fair_calibration", "model", "accuracy"): (EXACT["argmax"] == TARGET)[TEST].mean(),
        ("fair_ceilings", "loss_over_3", "auroc"): ceiling,
        ("fair_signals", "entropy", "ceiling_share"): (entropy - 0.5) / (ceiling - 0.5),
        ("fair_stacks", "stack_head", "importance_entropy_std"): 0.01,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert ("fair_strata", "entropy", "auroc_within_documents") in found
    low_rank = {section for section, item, _ in found if item.startswith("plain/2/")}
    assert low_rank == {"fair_signals", "fair_risk", "fair_differences"}  # and no strata


def test_figures_of_the_founding_protocol(found: Figures) -> None:
    assert found["model", "language_model", "vocabulary_size"] == WORDS
    assert ("model", "language_model", "identity") not in found
    assert found["loss_distribution", "loss", "unseen_target_share"] == pytest.approx((TARGET >= 20).mean())
    assert found["separation", "exit_classifier", "easy_share_at_threshold"] == pytest.approx((LOSS <= 3).mean())
    assert found["separation", "oracle", "oracle_share"] == 1
    assert found["regression", "linear", "mse"] == pytest.approx(1, abs=1e-6)
    assert found["classification", "linear", "prevalence"] == pytest.approx((LOSS[::4] <= 3).mean())
    margin = np.corrcoef(EXACT["margin"][::4], -LOSS[::4])[0, 1]
    assert found["metric_prediction", "margin", "pearson"] == pytest.approx(margin)
    assert found["low_rank", "plain/2", "seconds"] == 3.0  # of both shards
    assert ("low_rank", "plain/2", "argmax_kept") not in found


def test_states_without_targets_have_ceilings_and_no_calibration(files: dict[str, Any], tmp_path: Path) -> None:
    head = shards(tmp_path, "head", {"entropy": EXACT["entropy"], "tail_mass_3": tail_mass(P, 3)})
    write_json(tmp_path / "fitted.json", {"words": WORDS, "dim": DIM, "temperature": None})
    own = {"rows": files["rows"], "words": files["words"], "head": head, "fitted": str(tmp_path / "fitted.json")}
    assert {row.item for row in ceilings(Run(own, SETTINGS, threads=1))} == {"loss_over_3", "loss"}


def test_a_run_of_signals_alone_has_neither_costs_of_a_head_nor_ceilings(files: dict[str, Any]) -> None:
    own = {"rows": files["rows"], "own": files["context"]}
    found = measured(own, protocols=["fair"], kind="signals")
    fair = "data labels signals risk differences strata shape"
    others = {"advice", "chance", "leak_search", "causality", "loss_distribution", "separation", "thresholds"}
    assert {section for section, _, _ in found} == others | {f"fair_{name}" for name in fair.split()}
    assert ("fair_signals", "hunch", "cost_share") not in found
    assert found["fair_signals", "hunch", "needs_own"] == 1
    undirected = measured(own, protocols=["fair"], own={})
    assert undirected["fair_signals", "hunch", "high_means_easy"] == 0  # learnt
    assert undirected["fair_signals", "hunch", "multiply_adds"] is None
    with pytest.raises(InputError, match=r"context_0\.parquet: 500 rows; 1500 are wanted"):
        measured(own | {"own": files["context"][:1]}, protocols=["fair"])
