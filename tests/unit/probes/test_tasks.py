"""Targets of the probes: what they are, and that a task is there only when its column is."""

import torch

from easyhard.probes.tasks import tasks_of
from easyhard.signals.catalogue import TASKS

LOSS = torch.tensor([0.5, 3.0, 3.1, 9.0])
ENTROPY = torch.tensor([1.0, 2.0, 4.0, 5.0])
TAIL = torch.tensor([0.1, 0.4, 0.5, 1.00001])


def test_all_tasks() -> None:
    tasks = tasks_of(
        LOSS,
        easy_threshold=3.0,
        label_share=0.25,
        label_worth=2.0,
        entropy=ENTROPY,
        tail_mass=TAIL,
        correct=torch.tensor([True, False, False, True]),
    )
    assert set(tasks) == set(TASKS)
    assert all(name == task.name and task.kind == TASKS[name].kind for name, task in tasks.items())
    assert tasks["easy"].target.tolist() == tasks["guided_easy"].truth.tolist() == [1, 1, 0, 0]
    assert tasks["correct"].target.tolist() == [1, 0, 0, 1]
    torch.testing.assert_close(tasks["log1p_loss"].target, (LOSS + 1).log())
    assert torch.equal(tasks["tail_mass"].target, torch.tensor([0.1, 0.4, 0.5, 1.0]))
    torch.testing.assert_close(tasks["guided_easy"].target, torch.tensor([0.925, 0.7, 0.375, 0.0]))
    torch.testing.assert_close(tasks["guided_loss"].target, 0.75 * ENTROPY + 0.25 * LOSS)
    assert torch.equal(tasks["guided_loss"].truth, LOSS)
    hard = torch.tensor([0.075, 0.3, 0.625, 1.0])
    torch.testing.assert_close(tasks["guided_both"].target, 0.75 * ENTROPY + 0.25 * LOSS + 2 * hard)
    torch.testing.assert_close(tasks["guided_both"].truth, LOSS + 2 * torch.tensor([0.0, 0.0, 1.0, 1.0]))


def test_tasks_need_their_columns() -> None:
    of_loss = tasks_of(LOSS, easy_threshold=3.0, label_share=0.5, label_worth=2.0)
    assert list(of_loss) == ["loss", "log1p_loss", "easy"]
    beside = tasks_of(LOSS, easy_threshold=3.0, label_share=0.5, label_worth=2.0, entropy=ENTROPY)
    assert beside.keys() - of_loss.keys() == {"entropy", "guided_loss"}
    beside = tasks_of(LOSS, easy_threshold=3.0, label_share=0.5, label_worth=2.0, tail_mass=TAIL)
    assert beside.keys() - of_loss.keys() == {"tail_mass", "guided_easy"}
