"""The probes of the protocol fair together: names, calibration, orientation, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from easyhard.errors import InputError
from easyhard.probes.ensemble import ProbeSettings
from easyhard.probes.fair import ProbeData, ProbeSummary, Values, available_probes, fit_probes, said, values_of
from easyhard.probes.tasks import tasks_of
from easyhard.progress import Progress
from easyhard.signals.catalogue import PROBES, TASKS, family_and_task
from probe_data import fit_and_say, in_memory

SETTINGS = ProbeSettings(hidden=16, learning_rate=1e-2, batch_size=256, max_epochs=3, patience=2)
TOKENS = 2_400


def data() -> ProbeData:
    """A loss that half depends on the hidden state and half on a context column; documents of 60 tokens."""
    random = np.random.default_rng(0)
    hidden, context, noise = (
        random.normal(size=(TOKENS, 5)),
        random.normal(size=(TOKENS, 2)),
        random.normal(size=TOKENS),
    )
    entropy = 3 + hidden[:, 0]
    loss = np.maximum(entropy + context[:, 1] + 0.7 * noise, 0.01)
    tasks = tasks_of(
        torch.from_numpy(loss),
        easy_threshold=3.0,
        label_share=0.25,
        label_worth=2.0,
        entropy=torch.from_numpy(entropy),
        tail_mass=torch.from_numpy(expit(entropy - 3)),
        correct=torch.from_numpy(loss < 1.5),
    )
    return in_memory(
        hidden=torch.from_numpy(hidden).float(),
        context={f"context_{number}": torch.from_numpy(context[:, number]) for number in range(2)},
        tasks=tasks,
        documents=np.repeat(np.arange(40), 60),
        fit=np.arange(0, 1_200),
        select=np.arange(1_200, 1_800),
    )


Fitted = tuple[dict[str, Values], list[ProbeSummary]]
JUDGED = np.arange(1_800, TOKENS)


def fit(given: ProbeData, probes: list[str], seeds: tuple[int, ...] = (0,)) -> Fitted:
    return fit_and_say(given, probes, SETTINGS, seeds=seeds, judged=JUDGED)


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return fit(data(), list(PROBES))


def test_every_probe_has_its_column(fitted: Fitted) -> None:
    columns, summaries = fitted
    assert available_probes(data()) == list(PROBES)
    assert list(columns) == [f"{name}@0" for name in PROBES]
    assert [summary["probe"] for summary in summaries] == list(PROBES)
    for name, values in columns.items():
        assert (values.dtype, values.shape) == (np.float32, (TOKENS,)), name
        assert np.isfinite(values).all(), name


def test_every_probe_points_where_its_task_says(fitted: Fitted) -> None:
    easy = data().tasks["easy"].target.numpy()[JUDGED]
    for name, values in fitted[0].items():
        _, task = family_and_task(name.removesuffix("@0"))
        auroc = roc_auc_score(easy, values[JUDGED])
        assert (auroc if TASKS[task].high_means_easy else 1 - auroc) > 0.65, name


def test_classifiers_give_probabilities_and_regressions_the_unit_of_their_truth(fitted: Fitted) -> None:
    tasks = data().tasks
    for name, values in fitted[0].items():
        task = tasks[family_and_task(name.removesuffix("@0"))[1]]
        if task.kind == "classification":
            assert 0 <= values.min() <= values.max() <= 1, name
        # calibrated on 600 tokens, judged on 600: the means differ by chance, some .1 nats or .02
        assert values[JUDGED].mean() == pytest.approx(float(task.truth[JUDGED].mean()), abs=0.3), name


def test_context_adds_what_hidden_states_lack(fitted: Fitted) -> None:
    columns, _ = fitted
    easy = data().tasks["easy"].target.numpy()[JUDGED]
    without, beside = (roc_auc_score(easy, columns[f"{family}_easy@0"][JUDGED]) for family in ("mlp", "mlp_context"))
    assert beside > without + 0.05


def test_summaries(fitted: Fitted) -> None:
    for summary in fitted[1]:
        family, task = family_and_task(summary["probe"])
        width = 5 + 2 * family.reads_context
        assert summary["multiply_adds"] == (5 if family.architecture == "linear" else (width + 1) * 16)
        assert (summary["calibration_error"] is None) == (TASKS[task].kind == "regression")
        assert 1 <= summary["best_epoch"] <= summary["epochs"] <= 3
        assert not summary["reversed"]


def test_seeds_are_columns_and_do_not_depend_on_each_other(fitted: Fitted) -> None:
    columns, summaries = fit(data(), ["mlp_easy", "linear_easy"], seeds=(5, 0))
    assert list(columns) == ["mlp_easy@0", "mlp_easy@1", "linear_easy@0", "linear_easy@1"]
    assert [summary["seed"] for summary in summaries] == [5, 0, 5, 0]
    np.testing.assert_array_equal(columns["mlp_easy@1"], fitted[0]["mlp_easy@0"])
    assert not np.array_equal(columns["mlp_easy@0"], columns["mlp_easy@1"])


def test_losses_of_other_rows_are_not_looked_at(fitted: Fitted) -> None:
    given = data()
    loss = given.tasks["loss"].target.clone()
    loss[JUDGED] = 50 - loss[JUDGED]
    changed = replace(given, tasks=tasks_of(loss, easy_threshold=3.0, label_share=0.25, label_worth=2.0))
    columns, _ = fit(changed, ["mlp_easy", "linear_loss"])
    for name, values in columns.items():
        np.testing.assert_array_equal(values, fitted[0][name])


def test_calibration_repairs_a_wrong_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fit rows where a token is twice as often easy as elsewhere: what is learnt there promises too much."""
    random = np.random.default_rng(3)
    hidden = random.normal(size=(6_000, 3))
    offset = np.where(np.arange(6_000) < 2_000, 1.5, -1.5)
    loss = np.where(random.random(6_000) < expit(hidden[:, 0] + offset), 1.0, 5.0)
    given = in_memory(
        hidden=torch.from_numpy(hidden).float(),
        context={},
        tasks=tasks_of(torch.from_numpy(loss), easy_threshold=3.0, label_share=0.5, label_worth=2.0),
        documents=np.repeat(np.arange(60), 100),
        fit=np.arange(2_000),
        select=np.arange(2_000, 4_000),
    )
    judged = np.arange(4_000, 6_000)
    _, (summary,) = fit_and_say(given, ["linear_easy"], SETTINGS, seeds=[0], judged=judged)
    assert summary["raw_calibration_error"] is not None
    assert summary["calibration_error"] is not None
    assert summary["raw_calibration_error"] > 0.3
    assert summary["calibration_error"] < 0.05  # chance alone: sqrt(2 / pi · .16 / 133) = .028


def test_without_head_and_context_their_probes_are_not_on_offer() -> None:
    given = data()
    bare = replace(given, context={}, tasks={"loss": given.tasks["loss"], "easy": given.tasks["easy"]})
    assert available_probes(bare) == ["linear_loss", "linear_easy", "mlp_loss", "mlp_easy"]
    for probe in ("mlp_context_easy", "mlp_guided_easy"):
        with pytest.raises(InputError, match=f"probe '{probe}': its task or its context is not given"):
            fit(bare, [probe])


def test_bad_columns_are_named() -> None:
    given = data()
    bad = given.context["context_1"].clone()
    bad[7] = float("nan")
    with pytest.raises(InputError, match="context_1: 1 of 2400 values are not finite"):
        fit(replace(given, context={**given.context, "context_1": bad}), ["mlp_context_easy"])
    with pytest.raises(InputError, match=r"context_1: shape \(3,\)"):
        fit(replace(given, context={"context_1": bad[:3]}), ["mlp_context_easy"])
    with pytest.raises(InputError, match="probe 'mlp_ease' is not known"):
        fit(given, ["mlp_ease"])


def test_batches_and_what_is_kept_change_nothing(fitted: Fitted) -> None:
    """States of rows that are neither fitted on nor selected by are met in the stream alone, in batches of any size."""
    whole = data()
    kept = np.arange(1_800)
    batches = (700, 0, 1, 1_699)
    less = replace(whole, hidden=whole.hidden[:1_800], kept=kept, states=lambda: iter(whole.hidden.split(batches)))
    progress = Progress("probes", 2, "fits")
    found = fit_probes(less, ["mlp_easy", "mlp_context_easy"], SETTINGS, seeds=[0], progress=progress)
    every, some = np.arange(TOKENS), np.array([3, 699, 700, 2_399])
    for name, values in zip(found, values_of(less, list(found.values()), [every, some]), strict=True):
        np.testing.assert_allclose(values, fitted[0][name][every if name == "mlp_easy@0" else some], rtol=0, atol=1e-6)
    assert [part.stop - part.start for part, _ in said(less, [], [])] == list(batches)


def test_a_row_to_fit_on_whose_state_is_not_kept() -> None:
    whole = data()
    with pytest.raises(InputError, match="some have no state in memory"):
        fit(replace(whole, hidden=whole.hidden[100:], kept=np.arange(100, TOKENS)), ["mlp_easy"])
