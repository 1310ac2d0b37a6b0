"""Which probes a row set gets: folds and the learning curve of documents, and both row sets from files to columns."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from easyhard.activations.store import write_shard
from easyhard.errors import InputError
from easyhard.probes import ensemble
from easyhard.probes.data import ProbeData, load_probe_data
from easyhard.probes.ensemble import train
from easyhard.probes.founding import HIDDEN_SIZES, METRICS
from easyhard.probes.row_sets import CURVE_FRACTIONS, FITTED, curve_fits, fold_fits
from easyhard.probes.tasks import tasks_of
from easyhard.protocols import DOCUMENTS, VALIDATION
from easyhard.signals.store import write_columns
from probe_data import BLEND, LOSS_SETTINGS, METRIC_SETTINGS, fit_and_say, in_memory, joined, whole_columns

SETTINGS = {"hidden": 32, "learning_rate": 1e-2, "batch_size": 256, "max_epochs": 6, "patience": 6}
TEXTS, LENGTH, DIM = 60, 40, 48


def fingerprints() -> ProbeData:
    """Every document has a state of its own, and is easy or hard by a coin: there is nothing to learn but the coins."""
    random = np.random.default_rng(0)
    documents = np.repeat(np.arange(TEXTS), LENGTH)
    documents[: 50 * LENGTH] = random.permutation(documents[: 50 * LENGTH])
    prints = random.normal(size=(TEXTS, DIM))
    hidden = prints[documents] + 0.1 * random.normal(size=(len(documents), DIM))
    loss = np.where(random.permutation(np.arange(TEXTS) % 2 == 0), 1.0, 5.0)[documents]
    target = torch.from_numpy(loss).float()
    tasks = tasks_of(target, target, **BLEND)
    return in_memory(torch.from_numpy(hidden).float(), tasks, documents=documents, fit=50 * LENGTH, select=10 * LENGTH)


def test_in_sample_values_flatter_and_those_out_of_fold_come_from_probes_of_other_documents() -> None:
    data = fingerprints()
    easy = data.tasks["easy"].target.numpy()[data.fit]
    columns, _ = fit_and_say(data, ["mlp_easy"], SETTINGS)
    assert roc_auc_score(easy, columns["mlp_easy@0"][data.fit]) > 0.95
    fits = fold_fits(data, ["mlp_easy"], data.fit, 5, seed=0)
    out = whole_columns(data, fits, train(data, fits, SETTINGS))["fold/mlp_easy"]
    # 50 coins: the AUROC of a score that knows nothing of them has a standard error of about .08
    assert roc_auc_score(easy, out[data.fit]) == pytest.approx(0.5, abs=0.25)
    assert np.isnan(out[data.select]).all()
    loss = (3 + data.hidden[:, 0]).clamp(min=0)
    learnable = replace(data, tasks=tasks_of(loss, loss, **BLEND))
    fits = fold_fits(learnable, ["linear_loss", "linear_easy"], data.fit, 4, seed=0)
    columns = whole_columns(learnable, fits, train(learnable, fits, SETTINGS))
    assert list(columns) == ["fold/linear_loss", "fold/linear_easy"]
    assert np.corrcoef(columns["fold/linear_loss"][data.fit], loss[data.fit])[0, 1] > 0.8
    some = data.fit[::2]  # of the rows of the fit part, those that are fitted on
    for fit in fold_fits(replace(data, fit=some), ["mlp_easy"], data.fit, 4, seed=0):
        assert set(fit.rows) <= set(some)
        assert not set(data.documents[fit.rows]) & set(data.documents[fit.asked])


def test_the_learning_curve_rises_to_the_probe_itself() -> None:
    """Of 200 states of which each has a little to say, documents of 50 tokens: a few do not teach much."""
    random, judged = np.random.default_rng(0), np.arange(5_000, 6_000)
    hidden = random.normal(size=(6_000, 200))
    loss = torch.from_numpy(3 + hidden.sum(1) / 200**0.5 + random.normal(size=6_000)).float().clamp(min=0)
    data = in_memory(torch.from_numpy(hidden).float(), tasks_of(loss, loss, **BLEND), fit=4_000, select=1_000)
    settings = SETTINGS | {"hidden": 16, "learning_rate": 5e-3, "max_epochs": 3}
    fits = curve_fits(data, [0, 1], judged)
    assert [len(fit.rows) for fit in fits[::2]] == [250, 500, 1_000, 2_000, 4_000] * 2
    assert fits[-1].rows is data.fit  # so that what the whole part teaches is not taught again
    columns = whole_columns(data, fits, train(data, fits, settings))
    assert list(columns)[1:3] == ["learning/linear_easy/0.0625@1", "learning/linear_easy/0.125@0"]
    easy = data.tasks["easy"].target.numpy()[judged]
    for probe in ("linear_easy", "mlp_easy"):
        points = [f"learning/{probe}/{fraction:g}" for fraction in CURVE_FRACTIONS]
        seeds = [[roc_auc_score(easy, columns[f"{point}@{seed}"][judged]) for seed in (0, 1)] for point in points]
        auroc = np.mean(seeds, axis=1)
        assert auroc[0] + 0.05 < auroc[-1]
        assert auroc[0] < auroc[2] < auroc[4] + 0.01
    assert seeds[0][0] != seeds[0][1]
    itself, _ = fit_and_say(data, ["mlp_easy"], settings)
    np.testing.assert_array_equal(columns["learning/mlp_easy/1@0"][judged], itself["mlp_easy@0"][judged])


FEW = SETTINGS | {"hidden": 4, "max_epochs": 1}
RUN_SETTINGS: dict[str, Any] = {
    "seed": 7,
    "main_threshold": 3,
    "fair_probes": FEW | {"tokens": 400, "seeds": 2, "label_share": 0.25, "folds": 2},
    "loss_probes": LOSS_SETTINGS | {"max_epochs": 1},
    "metric_probes": METRIC_SETTINGS | {"epochs": 1},
}
TOKENS = 1_500
PART = np.repeat([0, 2, 1], [800, 300, 400]).astype(np.int8)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Any]:
    """Two shards of 1,500 tokens in documents of 50; the files that the rule names."""
    random = np.random.default_rng(0)
    loss = random.gamma(2, 2, TOKENS).astype(np.float32)
    zeros = np.zeros(TOKENS, dtype=np.int32)
    columns = dict.fromkeys(("sequence", "position", "document", "token", "target"), zeros)
    columns |= {"split": np.full(TOKENS, "test"), "loss": loss, "hidden": random.normal(size=(TOKENS, 5)).astype("f4")}
    head = {name: random.random(TOKENS).astype(np.float32) for name in ("target_probability", "entropy", *METRICS)}
    head["tail_mass_3"] = random.random(TOKENS).astype(np.float32)
    context = {"lag": random.random(TOKENS).astype(np.float32)}
    given: dict[str, Any] = {"activations": [], "head": [], "context": [], "rows": str(tmp_path / "rows.parquet")}
    for shard, rows in enumerate((slice(0, 700), slice(700, TOKENS))):
        for name in ("activations", "head", "context"):
            given[name].append(str(tmp_path / f"{name}_{shard}.parquet"))
        write_shard(given["activations"][-1], [{name: column[rows] for name, column in columns.items()}], 5, {})
        for name, table in (("head", head), ("context", context)):
            write_columns(given[name][-1], {key: column[rows] for key, column in table.items()})
    rows_table = dict.fromkeys(("sequence", "position", "target_count"), zeros)
    write_columns(given["rows"], rows_table | {"document": np.arange(TOKENS) // 50, "loss": loss, "part": PART})
    return given


def test_documents_get_every_probe_across_folds_and_on_ever_more_documents(
    files: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ensemble, "LEAST_STEPS", 3)
    signals, held_out, summary = FITTED[DOCUMENTS](files, RUN_SETTINGS, torch.device("cpu"))
    data, _ = load_probe_data(files, RUN_SETTINGS, torch.device("cpu"))
    probes = data.available_probes()
    assert len(probes) == 23
    columns = joined(signals)
    assert list(columns) == [f"{probe}@{number}" for probe in probes for number in (0, 1)]
    assert all(column.shape == (TOKENS,) and np.isfinite(column).all() for column in columns.values())
    again, _ = fit_and_say(data, ["mlp_context_easy"], RUN_SETTINGS["fair_probes"], seeds=[8])
    np.testing.assert_allclose(columns["mlp_context_easy@1"], again["mlp_context_easy@8"], rtol=0, atol=1e-6)
    others = joined(held_out)
    assert [name for name in others if name.startswith("fold/")] == [f"fold/{probe}" for probe in probes]
    assert sum(name.startswith("learning/") for name in others) == 20
    for name, column in others.items():
        np.testing.assert_array_equal(np.isfinite(column), np.isin(PART, 0 if name.startswith("fold/") else 2))
    assert list(summary["costs"]) == probes
    assert summary["costs"]["linear_loss"] == {"multiply_adds": 5}
    assert summary["costs"]["mlp_context_easy"] == {"multiply_adds": (5 + 1 + 1) * 4}
    assert [(fit["probe"], fit["seed"]) for fit in summary["probes"]] == [(p, seed) for p in probes for seed in (7, 8)]
    assert {"epochs", "best_epoch", "error", "seconds", "slope", "intercept"} < summary["probes"][0].keys()
    assert [summary["learning"][point] for point in ("mlp_easy/0.25", "linear_easy/1")] == [[100, 2], [400, 8]]


def test_probe_data_keeps_the_states_of_whole_documents_to_learn_from(files: dict[str, Any]) -> None:
    data, tokens = load_probe_data(files, RUN_SETTINGS, torch.device("cpu"))
    assert (len(data.fit), len(data.select), len(tokens)) == (400, 400, TOKENS)
    assert set(PART[data.fit]) == {0}
    assert set(PART[data.select]) == {1}
    streamed = torch.cat(list(data.states()))
    assert torch.equal(data.hidden, streamed[data.kept])
    assert torch.equal(data.tasks["loss"].target, torch.from_numpy(tokens.loss[data.kept]))
    assert torch.equal(data.places(data.select), torch.arange(400, 800))
    assert data.context.shape == (TOKENS, 1)
    fit_loss = tokens.loss[PART == 0].astype(float)
    worth = data.tasks["guided_both"].truth - data.tasks["loss"].truth
    assert float(worth.max()) == pytest.approx(fit_loss.std() / (fit_loss > 3).std(), rel=1e-5)
    write_columns(files["context"][0], {"lag": np.where(np.arange(700) == 5, np.nan, 0.5)})
    with pytest.raises(InputError, match="lag: 1 of 1500 values are not finite"):
        load_probe_data(files, RUN_SETTINGS, torch.device("cpu"))


def test_validation_gets_the_founding_probes(files: dict[str, Any]) -> None:
    (columns,), held_out, summary = FITTED[VALIDATION](files, RUN_SETTINGS, torch.device("cpu"))
    names = [f"{kind}/{network}" for kind in ("regression", "classification") for network in HIDDEN_SIZES]
    names += [f"metric/{name}" for name in METRICS]
    assert list(columns) == list(summary["probes"]) == names
    assert held_out == []
    for name, column in columns.items():
        share = RUN_SETTINGS["metric_probes" if name.startswith("metric/") else "loss_probes"]["test_share"]
        assert int(np.isfinite(column).sum()) == share * TOKENS
