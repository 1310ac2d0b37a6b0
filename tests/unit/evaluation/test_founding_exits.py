"""The founding author's exits: training's figures as they are; saturated tokens judged as scikit-learn does."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from easyhard.atomic import write_json
from easyhard.evaluation.founding_exits import LABELS, SIGNALS, founding_exit_rows, saturation_rows
from easyhard.evaluation.measures import MEASURES
from easyhard.evaluation.rows import Row
from easyhard.evaluation.run import Run
from easyhard.signals.store import write_columns

RANDOM = np.random.default_rng(4)
DOCUMENT = np.repeat(np.arange(60), RANDOM.integers(20, 40, 60)).astype(np.int32)
TOKENS = len(DOCUMENT)
PART = (DOCUMENT % 3).astype(np.int8)
SELECT, TEST = PART == 1, PART == 2
ARGMAX = {3: RANDOM.integers(0, 9, TOKENS)}
ARGMAX |= {layer: np.where(RANDOM.random(TOKENS) < layer / 4, ARGMAX[3], 9) for layer in (1, 2)}
LOSS = {layer: RANDOM.exponential(3, TOKENS).astype(np.float32) for layer in (1, 2, 3)}
SATURATED = {layer: ARGMAX[layer] == ARGMAX[3] for layer in (1, 2)}
SCORES = {
    f"{layer}/{name}": (saturated + strength * RANDOM.normal(size=TOKENS)).astype(np.float32)
    for layer, saturated in SATURATED.items()
    for name, strength in (("mlp_agrees", 0.8), ("mlp_change_agrees", 0.5), ("state_cosine", 3.0), ("entropy", 1.0))
}
SETTINGS: dict[str, Any] = {
    "seed": 3,
    "fair": {"thresholds": [3], "main_threshold": 3, "resamples": 60, "references": 1},
    "fair_low_rank": {"refined": 1},
    "near": 0.1,
    "exit_rank": 3,
    "trained_on": "last",
}
TRAINED = {"label": "loss", "exits": [], "figures": {"final": 1055.2, "leaving_0": 0.513, "block_0": 1060.5}}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("run")
    rows = {"document": DOCUMENT, "sequence": np.arange(TOKENS) // 4, "part": PART, "loss": LOSS[3]}
    rows |= {"position": np.arange(TOKENS).astype(np.int16) % 32, "target_count": np.ones(TOKENS, np.int32)}
    rows |= {"target": ARGMAX[3].astype(np.int32), "token": ARGMAX[3].astype(np.int32)}
    said = {f"{layer}/argmax": own.astype(np.int32) for layer, own in ARGMAX.items()}
    said |= {f"{layer}/loss": own for layer, own in LOSS.items()}
    said |= {f"{layer}/kl": np.zeros(TOKENS, np.float32) for layer in LOSS}
    probes = {name: own for name, own in SCORES.items() if "mlp" in name}
    signals = {name: own for name, own in SCORES.items() if "mlp" not in name}
    tables = {"rows": rows, "exit_outcomes": said, "exit_probes": probes, "exit_signals": signals}
    for name, columns in tables.items():
        write_columns(folder / f"{name}.parquet", columns)
    summaries = {"model": {"epochs": 3}, "fitted": {"words": 9, "dim": 64}}
    for name, value in summaries.items():
        write_json(folder / f"{name}.json", value)
    own = {name: str(folder / f"{name}.parquet") for name in tables}
    return own | {name: str(folder / f"{name}.json") for name in summaries}


def saturation(files: dict[str, Any], **settings: Any) -> dict[str, dict[str, Row]]:
    found: dict[str, dict[str, Row]] = {}
    for row in saturation_rows(Run(files, SETTINGS | settings, 1)):
        assert row.section == "saturation"
        assert row.metric not in found.setdefault(row.item, {})
        found[row.item][row.metric] = row
    return found


def best_f1(score: np.ndarray, saturated: np.ndarray) -> float:
    """On test, at the threshold with the highest F1 on select, tried one by one."""
    thresholds = np.unique(score[SELECT])
    reached = [f1_score(saturated[SELECT], score[SELECT] >= threshold) for threshold in thresholds]
    return float(f1_score(saturated[TEST], score[TEST] >= thresholds[int(np.argmax(reached))]))


@pytest.mark.parametrize("layer", [1, 2])
def test_saturated_tokens_are_judged_as_scikit_learn_does(files: dict[str, Any], layer: int) -> None:
    own, saturated = saturation(files)[f"3_64/{layer}"], SATURATED[layer]
    share, whole = saturated[TEST].mean(), LOSS[3].astype(np.float64)
    expected = {
        "agreement": share,
        "mean_loss_agrees": whole[TEST & saturated].mean(),
        "mean_loss_other": whole[TEST & ~saturated].mean(),
        "f1_always": 2 * share / (1 + share),
    }
    for name, column in SIGNALS.items():
        score = SCORES[f"{layer}/{column}"]
        expected[f"f1_{name}"] = best_f1(score, saturated)
        expected[f"f1_gain_{name}"] = expected[f"f1_{name}"] - expected["f1_always"]
        expected[f"auroc_{name}"] = roc_auc_score(saturated[TEST], score[TEST])
        expected[f"auprc_{name}"] = average_precision_score(saturated[TEST], score[TEST])
    assert {name: row.value for name, row in own.items()} == pytest.approx(expected)
    for row in own.values():
        assert row.ci_low < row.value < row.ci_high  # type: ignore[operator]


def test_a_probe_that_could_not_be_fitted_is_undefined(files: dict[str, Any]) -> None:
    fewer = {name: own for name, own in files.items() if name != "exit_probes"}
    whole, own = (saturation(given)["3_64/1"] for given in (files, fewer))
    assert {metric for metric, row in own.items() if row.value is None} == {name for name in whole if "mlp" in name}
    assert own["f1_cosine"] == whole["f1_cosine"]


def test_only_a_lego_trained_on_its_last_layer_with_all_layers_as_exits_has_them(
    files: dict[str, Any], tmp_path: Path
) -> None:
    assert {founding_exit_rows, saturation_rows} <= set(MEASURES["fair"])
    assert list(saturation(files)) == ["3_64/1", "3_64/2"]
    assert not saturation(files, trained_on="joint")
    for missing in ("model", "exit_outcomes"):
        assert not saturation({name: own for name, own in files.items() if name != missing})
    some = {f"{layer}/{name}": np.zeros(TOKENS, np.float32) for layer in (1, 3) for name in ("loss", "argmax", "kl")}
    write_columns(tmp_path / "some.parquet", some)
    assert not saturation(files | {"exit_outcomes": str(tmp_path / "some.parquet")})


def test_figures_of_training_stand_under_their_label_and_the_others_are_undefined(
    files: dict[str, Any], tmp_path: Path
) -> None:
    assert founding_exit_rows(Run(files, SETTINGS, 1)) == []
    assert founding_exit_rows(Run({}, SETTINGS, 1)) == []
    write_json(tmp_path / "model.json", {"epochs": 3, "exits": TRAINED})
    rows = founding_exit_rows(Run(files | {"model": str(tmp_path / "model.json")}, SETTINGS, 1))
    assert {row.section for row in rows} == {"founding_exits"}
    found = {(row.item, row.metric): row.value for row in rows}
    assert len(found) == len(rows) == len(LABELS) * len(TRAINED["figures"])  # type: ignore[arg-type]
    for (item, metric), value in found.items():
        assert value == (TRAINED["figures"][metric] if item == "loss" else None)  # type: ignore[index]
    assert not any(value is not None and math.isnan(value) for value in found.values())
