"""Out of fold: a probe that learns documents by heart must have nothing to say of those that it did not see."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from easyhard.errors import InputError
from easyhard.probes.cross_fit import out_of_fold
from easyhard.probes.ensemble import ProbeSettings
from easyhard.probes.fair import ProbeData
from easyhard.probes.tasks import tasks_of
from easyhard.progress import Progress
from probe_data import fit_and_say, in_memory

SETTINGS = ProbeSettings(hidden=64, learning_rate=1e-2, batch_size=256, max_epochs=8, patience=8)
DOCUMENTS, LENGTH, DIM = 60, 60, 48


def fingerprints() -> ProbeData:
    """Every document has a state of its own, and is easy or hard by a coin: there is nothing to learn but the coins."""
    random = np.random.default_rng(0)
    documents = random.permutation(np.repeat(np.arange(DOCUMENTS), LENGTH))
    prints = random.normal(size=(DOCUMENTS, DIM))
    hidden = prints[documents] + 0.1 * random.normal(size=(len(documents), DIM))
    loss = np.where(random.permutation(np.arange(DOCUMENTS) % 2 == 0), 1.0, 5.0)[documents]
    return in_memory(
        hidden=torch.from_numpy(hidden).float(),
        context={},
        tasks=tasks_of(torch.from_numpy(loss), easy_threshold=3.0, label_share=0.5, label_worth=2.0),
        documents=documents,
        fit=np.flatnonzero(documents < 50),
        select=np.flatnonzero(documents >= 50),
    )


def test_in_sample_values_flatter_and_those_out_of_fold_do_not() -> None:
    data = fingerprints()
    easy = data.tasks["easy"].target.numpy()[data.fit]
    columns, _ = fit_and_say(data, ["mlp_easy"], SETTINGS, seeds=[0], judged=data.select)
    assert roc_auc_score(easy, columns["mlp_easy@0"][data.fit]) > 0.95
    out = out_of_fold(data, ["mlp_easy"], SETTINGS, data.fit, folds=5, seed=0, progress=Progress("folds", 5, "fits"))
    # 50 coins: the AUROC of a score that knows nothing of them has a standard error of about .08
    assert roc_auc_score(easy, out["mlp_easy"]) == pytest.approx(0.5, abs=0.25)


def test_each_row_gets_its_own_value() -> None:
    data = fingerprints()
    signal = data.hidden[:, 0]
    tasks = tasks_of((3 + signal).clamp(min=0), easy_threshold=3.0, label_share=0.5, label_worth=2.0)
    learnable = replace(data, tasks=tasks)
    progress = Progress("folds", 8, "fits")
    out = out_of_fold(learnable, ["linear_loss", "linear_easy"], SETTINGS, data.fit, folds=4, seed=0, progress=progress)
    assert list(out) == ["linear_loss", "linear_easy"]
    assert out["linear_loss"].shape == data.fit.shape
    assert np.corrcoef(out["linear_loss"], 3 + signal[data.fit].numpy())[0, 1] > 0.9


def test_too_few_documents() -> None:
    data, progress = fingerprints(), Progress("folds", 1, "fits")
    with pytest.raises(InputError, match="folds: 51; from 2 to the 50 documents"):
        out_of_fold(data, ["mlp_easy"], SETTINGS, data.fit, folds=51, seed=0, progress=progress)
