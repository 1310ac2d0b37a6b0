"""Training of probes: they find what is there, stop in time, keep the best weights, and do not depend on each other."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from easyhard.errors import InputError
from easyhard.probes import ensemble
from easyhard.probes.data import ProbeData
from easyhard.probes.ensemble import Fit, train
from easyhard.probes.networks import Weights, outputs
from easyhard.probes.tasks import Task, tasks_of
from easyhard.signals.catalogue import PROBES, TASKS, family_and_task
from probe_data import BLEND, Fitted, fit_and_say, in_memory, states, whole_columns

SETTINGS = {"hidden": 32, "learning_rate": 5e-3, "batch_size": 256, "max_epochs": 20, "patience": 4}


def case(hidden: torch.Tensor, target: torch.Tensor, task: str = "loss") -> ProbeData:
    """Fit on the first half, select on the next quarter."""
    return in_memory(
        hidden, {task: Task(target.float(), target.float())}, fit=len(hidden) // 2, select=len(hidden) // 4
    )


def said(data: ProbeData, probe: str, seed: int = 0, **changes: float) -> np.ndarray:
    """What a probe says of every row."""
    return fit_and_say(data, [probe], SETTINGS | changes, [seed])[0][f"{probe}@{seed}"]


def test_a_line_finds_what_is_linear_and_a_product_is_beyond_it() -> None:
    hidden = states(12_000)
    linear = hidden @ torch.tensor([1.0, -1.0, 0.5, 0.0, 0.0, 0.0]) + 1.5 * states(12_000, 1, seed=1)[:, 0] > 0
    best = LogisticRegression(C=np.inf).fit(hidden[:6_000], linear[:6_000]).predict_proba(hidden)[:, 1]
    np.testing.assert_allclose(said(case(hidden, linear, "easy"), "linear_easy"), best, rtol=0, atol=0.03)
    product = hidden[:, 0] * hidden[:, 1] > 0
    for probe in ("linear_easy", "mlp_easy", "mixture_guided_easy"):
        found = said(case(hidden, product, family_and_task(probe)[1]), probe)
        auroc = roc_auc_score(product[9_000:], found[9_000:])
        assert auroc < 0.56 if probe == "linear_easy" else auroc > 0.97, probe


def watch(patch: pytest.MonkeyPatch, name: str, note: Callable[[Any], None]) -> None:
    """Has all that this generator of the module yields noted first."""
    whole = getattr(ensemble, name)

    def watched(*arguments: object) -> Iterator[Any]:
        for item in whole(*arguments):
            note(item)
            yield item

    patch.setattr(ensemble, name, watched)


def test_training_stops_after_patience_and_keeps_the_best_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = states(400)
    target = hidden[:, 0] + states(400, 1, seed=4)[:, 0]  # 200 fit rows, much noise: it overfits
    seen: list[Weights] = []
    watch(monkeypatch, "_epochs", lambda weights: seen.append([tensor.clone() for tensor in weights]))
    columns, (found,) = fit_and_say(case(hidden, target), ["mlp_loss"], SETTINGS | {"max_epochs": 100})
    assert found.course["epochs"] == len(seen) < 100
    assert found.course["best_epoch"] == found.course["epochs"] - SETTINGS["patience"]
    deviation, mean = torch.std_mean(target[:200], correction=0)
    inputs = (hidden - hidden[:200].mean(0)) / hidden[:200].std(0, correction=0)
    inputs = torch.cat([inputs, torch.ones(400, 1)], 1)
    raw = [outputs("mlp", weights, inputs) * deviation + mean for weights in seen]
    errors = [float(((values - target) / deviation)[200:300].square().mean()) for values in raw]
    assert int(np.argmin(errors)) == found.course["best_epoch"] - 1
    assert found.course["error"] == pytest.approx(min(errors), rel=1e-4)
    best = raw[found.course["best_epoch"] - 1].double().numpy()
    slope, intercept = np.polyfit(best[200:300], target[200:300].double().numpy(), 1)  # calibrated on the select rows
    np.testing.assert_allclose(columns["mlp_loss@0"], slope * best + intercept, rtol=1e-3, atol=1e-4)


def test_scale_and_shift_of_inputs_change_nothing_and_those_of_a_regression_target_come_back() -> None:
    hidden = states(2_000)
    target = hidden[:, 0].abs() + hidden[:, 1]
    moved = hidden * torch.tensor([1.0, 8.0, 0.25, 3.0, 0.01, 1e3]) + torch.tensor([0.0, 64.0, -3.0, 1.0, 0.0, 1e3])
    for probe in ("linear_loss", "mlp_loss", "mixture_guided_loss"):
        task = family_and_task(probe)[1]
        one = said(case(hidden, target, task), probe, max_epochs=3)
        # rounding of the inputs, 1e-7 of the shift over the spread, grows over 300 steps
        np.testing.assert_allclose(said(case(moved, target, task), probe, max_epochs=3), one, rtol=0, atol=0.02)
        other = said(case(hidden, 1e3 * target - 50, task), probe, max_epochs=3)
        np.testing.assert_allclose(other, 1e3 * one - 50, rtol=1e-2, atol=5)


def test_seeds_do_not_depend_on_each_other_nor_on_the_number_of_threads() -> None:
    hidden = states(6_000, 24)
    targets = dict.fromkeys(("loss", "guided_loss"), hidden[:, 0].abs()) | {"easy": (hidden[:, 1] > 0).float()}
    tasks = {name: Task(target, target) for name, target in targets.items()}
    data = in_memory(hidden, tasks, fit=3_000, select=1_500)
    probes, settings = ["linear_loss", "mlp_loss", "mixture_guided_loss", "mlp_easy"], SETTINGS | {"max_epochs": 2}
    columns, trained = fit_and_say(data, probes, settings, seeds=[1, 0])
    torch.set_num_threads(2)
    try:
        again, two = fit_and_say(data, probes, settings, seeds=[1, 0])
    finally:
        torch.set_num_threads(1)
    for name, values in columns.items():
        np.testing.assert_array_equal(values, again[name])
    assert [one.course["error"] for one in trained] == [one.course["error"] for one in two]
    np.testing.assert_array_equal(said(data, "mlp_loss", max_epochs=2), columns["mlp_loss@0"])
    assert 0.5 < np.corrcoef(columns["mlp_loss@0"], columns["mlp_loss@1"])[0, 1] < 1


def test_a_small_set_gets_as_many_steps_as_a_hundred_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    watch(monkeypatch, "_batches", lambda rows: taken.append(len(rows)))
    data = case(states(1_200), states(1_200, 1)[:, 0])
    for batch_size, expected in ((256, [256, 256, 88] * 33 + [256]), (5, [5] * 120)):
        taken.clear()
        said(data, "mlp_loss", max_epochs=1, batch_size=batch_size)
        assert taken == expected
    with pytest.raises(InputError, match="mlp_loss@0: no rows to fit on"):
        said(replace(data, fit=data.fit[:0]), "mlp_loss")
    with pytest.raises(InputError, match=r"learning_rate: 1e\+30; loss diverged"):
        said(data, "mlp_loss", learning_rate=1e30)


def test_the_same_probe_on_the_same_rows_is_trained_once_for_all_its_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """And columns hold what is said of the rows asked about, NaN elsewhere; several fits may fill one."""
    asked: list[Fit] = []
    whole = ensemble._train
    monkeypatch.setattr(ensemble, "_train", lambda fit, **given: asked.append(fit) or whole(fit, **given))
    data = case(states(1_200), states(1_200)[:, 0])
    some, other = np.array([3, 499, 500, 1_199]), np.array([4, 800])
    fits = [
        Fit("whole", "mlp_loss", data.fit, 0, np.arange(1_200)),
        Fit("part", "mlp_loss", data.fit, 0, some),
        Fit("part", "mlp_loss", data.fit, 1, other),
        Fit("copy", "mlp_loss", data.fit[:300], 0, some),
    ]
    trained = train(data, fits, SETTINGS | {"max_epochs": 1})
    assert [(fit.seed, len(fit.rows)) for fit in asked] == [(0, 600), (1, 600), (0, 300)]
    assert trained[0] is trained[1]
    columns = whole_columns(data, fits, trained)
    np.testing.assert_array_equal(np.flatnonzero(~np.isnan(columns["part"])), np.sort([*some, *other]))
    np.testing.assert_allclose(columns["part"][some], columns["whole"][some], rtol=0, atol=1e-6)
    assert not np.isclose(columns["part"][other], columns["whole"][other]).any()
    assert not np.isclose(columns["copy"][some], columns["whole"][some]).any()


TOKENS, JUDGED = 2_400, np.arange(1_800, 2_400)


def rich() -> ProbeData:
    """A loss that half depends on the hidden state and half on a context column."""
    random = np.random.default_rng(0)
    hidden, context, noise = (torch.from_numpy(random.normal(size=(TOKENS, n))).float() for n in (5, 2, 1))
    entropy = 3 + hidden[:, 0]
    loss = (entropy + context[:, 1] + 0.7 * noise[:, 0]).clamp(min=0.01)
    tasks = tasks_of(loss, entropy, tail_mass=torch.sigmoid(entropy - 3), correct=loss < 1.5, **BLEND)
    return in_memory(hidden, tasks, context=context, fit=1_200, select=600)


FEW = {"hidden": 16, "learning_rate": 1e-2, "batch_size": 256, "max_epochs": 3, "patience": 2}


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return fit_and_say(rich(), list(PROBES), FEW)


def test_every_probe_says_what_its_task_means(fitted: Fitted) -> None:
    data, (columns, trained) = rich(), fitted
    assert data.available_probes() == list(PROBES)
    easy = data.tasks["easy"].target.numpy()[JUDGED]
    for (name, values), found in zip(columns.items(), trained, strict=True):
        _, own = family_and_task(name.removesuffix("@0"))
        assert (values.dtype, values.shape) == (np.float32, (TOKENS,)), name
        auroc = roc_auc_score(easy, values[JUDGED])
        assert (auroc if TASKS[own].high_means_easy else 1 - auroc) > 0.65, name
        if TASKS[own].kind == "classification":
            assert 0 <= values.min() <= values.max() <= 1, name
        # calibrated on 600 tokens, judged on 600: the means differ by chance, some .1 nats or .02
        assert values[JUDGED].mean() == pytest.approx(float(data.tasks[own].truth[JUDGED].mean()), abs=0.3), name
        assert 1 <= found.course["best_epoch"] <= found.course["epochs"] <= 3
    without, beside = (roc_auc_score(easy, columns[f"{family}_easy@0"][JUDGED]) for family in ("mlp", "mlp_context"))
    assert beside > without + 0.05


def test_losses_of_other_rows_are_not_looked_at_and_probes_without_their_columns_not_on_offer(fitted: Fitted) -> None:
    given = rich()
    loss = given.tasks["loss"].target.clone()
    loss[JUDGED] = 50 - loss[JUDGED]
    changed = replace(given, tasks=tasks_of(loss, loss, **BLEND))
    for name, values in fit_and_say(changed, ["mlp_easy", "linear_loss"], FEW)[0].items():
        np.testing.assert_array_equal(values, fitted[0][name])
    tasks = {name: given.tasks[name] for name in ("loss", "easy")}
    bare = [f"{family}_{task}" for family in ("linear", "mlp", "mlp_context") for task in tasks]
    assert replace(given, tasks=tasks).available_probes() == bare


def test_calibration_repairs_a_wrong_offset() -> None:
    """Fit rows where a token is far more often easy than elsewhere: what is learnt there promises too much."""
    random = np.random.default_rng(3)
    hidden = random.normal(size=(6_000, 3))
    offset = np.where(np.arange(6_000) < 3_000, 1.5, -1.5)
    easy = torch.from_numpy(random.random(6_000) < expit(hidden[:, 0] + offset))
    columns, (found,) = fit_and_say(case(torch.from_numpy(hidden).float(), easy, "easy"), ["linear_easy"], FEW)
    assert found.line.intercept < -1.5
    promised, truth = columns["linear_easy@0"][4_500:], easy.numpy()[4_500:]
    for rows in (promised > 0, promised > np.median(promised)):  # chance: sqrt(2 · .16 / 1,500) = .015
        assert promised[rows].mean() == pytest.approx(truth[rows].mean(), abs=0.05)


def test_batches_and_what_is_kept_change_nothing() -> None:
    """States of rows that are neither fitted on nor selected by are met in the stream alone, in batches of any size."""
    whole, kept, batches = replace(rich(), fit=np.arange(100, 1_200)), np.arange(100, 1_800), (700, 0, 1, 1_699)
    tasks = {name: Task(task.target[kept], task.truth[kept]) for name, task in whole.tasks.items()}
    streamed = iter(whole.hidden.split(batches))
    less = replace(whole, hidden=whole.hidden[kept], kept=kept, tasks=tasks, states=lambda: streamed)
    one, other = (fit_and_say(data, ["mlp_easy", "mlp_context_easy"], FEW)[0] for data in (less, whole))
    for name, values in other.items():
        np.testing.assert_allclose(one[name], values, rtol=0, atol=1e-6)
