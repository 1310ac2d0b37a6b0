"""The learning curve: more documents, better probes; and each point says what it was fitted on."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from easyhard.probes import learning_curve as module
from easyhard.probes.ensemble import ProbeSettings
from easyhard.probes.fair import Fit, Fitted, ProbeData, Rows
from easyhard.probes.learning_curve import CurvePoint, learning_curve
from easyhard.probes.tasks import tasks_of
from easyhard.progress import Progress
from probe_data import fit_and_say, in_memory

SETTINGS = ProbeSettings(hidden=16, learning_rate=5e-3, batch_size=256, max_epochs=4, patience=2)
FRACTIONS = (1 / 16, 1 / 4, 1)
JUDGED = np.arange(5_000, 6_000)


def data() -> ProbeData:
    """200 states of which each has a little to say, documents of 50 tokens: a few documents do not teach much."""
    random = np.random.default_rng(0)
    hidden = random.normal(size=(6_000, 200))
    loss = 3 + hidden.sum(1) / 200**0.5 + random.normal(size=6_000)
    return in_memory(
        hidden=torch.from_numpy(hidden).float(),
        context={},
        tasks=tasks_of(torch.from_numpy(loss).clamp(min=0), easy_threshold=3.0, label_share=0.5, label_worth=2.0),
        documents=np.repeat(np.arange(120), 50),
        fit=np.arange(4_000),
        select=np.arange(4_000, 5_000),
    )


def curve(probes: list[str], fractions: tuple[float, ...] = FRACTIONS) -> list[CurvePoint]:
    progress = Progress("curve", len(probes) * len(fractions) * 2, "fits")
    return learning_curve(data(), probes, SETTINGS, fractions=fractions, seeds=(0, 1), judged=JUDGED, progress=progress)


@pytest.fixture(scope="module")
def points() -> list[CurvePoint]:
    return curve(["linear_easy", "mlp_easy"])


def test_points_say_what_they_were_fitted_on(points: list[CurvePoint]) -> None:
    assert [(point.probe, point.fraction) for point in points] == [
        (probe, fraction) for probe in ("linear_easy", "mlp_easy") for fraction in FRACTIONS
    ]
    assert [(point.documents, point.tokens) for point in points[:3]] == [(5, 250), (20, 1_000), (80, 4_000)]
    for point in points:
        assert [values.shape for values in point.values] == [(1_000,), (1_000,)]
        assert not np.array_equal(*point.values)


def test_more_documents_teach_more(points: list[CurvePoint]) -> None:
    easy = data().tasks["easy"].target.numpy()[JUDGED]
    for probe in ("linear_easy", "mlp_easy"):
        auroc = [np.mean([roc_auc_score(easy, v) for v in point.values]) for point in points if point.probe == probe]
        assert auroc[0] + 0.05 < auroc[-1]
        assert auroc[0] < auroc[1] < auroc[2] + 0.01


def test_the_whole_fit_part_gives_the_probe_itself(points: list[CurvePoint]) -> None:
    columns, _ = fit_and_say(data(), ["mlp_easy"], SETTINGS, seeds=[0], judged=JUDGED)
    np.testing.assert_array_equal(points[-1].values[0], columns["mlp_easy@0"][JUDGED])


def test_subsets_are_nested_and_of_whole_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Fit] = []
    judged: list[Rows] = []

    def remembered(_: ProbeData, fits: list[Fit], *rest: object) -> list[Fitted]:
        asked.extend(fits)
        return []

    monkeypatch.setattr(module, "fit", remembered)
    monkeypatch.setattr(module, "values_of", lambda data, fitted, wanted: judged.extend(wanted) or wanted)
    curve(["mlp_easy"], (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1))
    documents = data().documents
    subsets = [set(wanted.rows) for wanted in asked[::2]]
    for small, large in pairwise(subsets):
        assert small < large
    for wanted in asked:
        inside = np.flatnonzero(np.isin(documents, np.unique(documents[wanted.rows])))
        np.testing.assert_array_equal(np.sort(wanted.rows), inside)
    for rows in judged:
        np.testing.assert_array_equal(rows, JUDGED)
