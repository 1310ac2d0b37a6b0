"""The probes of the protocol fair: fitted on fit rows, stopped and calibrated on select rows, asked about any row."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor

from easyhard.errors import InputError
from easyhard.probes.calibration import Column, Line, expected_calibration_error, least_squares_line, platt_line
from easyhard.probes.ensemble import Member, ProbeSettings, Trained, train
from easyhard.probes.inputs import check_inputs
from easyhard.probes.standardise import Inputs, standardised
from easyhard.probes.tasks import Task
from easyhard.progress import Progress
from easyhard.signals.catalogue import PROBES, Kind, family_and_task, multiply_adds

Rows = NDArray[np.int64]
Values = NDArray[np.float32]

# How raw outputs are calibrated, by kind of task, and what makes values of calibrated ones.
LINES: dict[Kind, Callable[[Column, Column], Line]] = {
    "regression": least_squares_line,
    "classification": platt_line,
}
LINKS: dict[Kind, Callable[[Column], Column]] = {"regression": np.asarray, "classification": expit}


@dataclass(frozen=True)
class ProbeData:
    """What probes read and learn: hidden (tokens, dim) of any float type, context columns (tokens,) by name, tasks by
    name, the document of every token (tokens,), and the row numbers to fit on and to select by.

    Tensors lie on one device; row numbers and documents are arrays. Without context columns, no probe of context.
    """

    hidden: Tensor
    context: Mapping[str, Tensor]
    tasks: Mapping[str, Task]
    documents: NDArray[np.integer]
    fit: Rows
    select: Rows


@dataclass(frozen=True)
class Fit:
    """One probe, by its name, to be fitted on `rows` with one seed and asked about the rows `wanted`."""

    probe: str
    rows: Rows
    wanted: Rows
    seed: int


@dataclass(frozen=True)
class Fitted:
    """What a fitted probe says of its wanted rows: `values`, calibrated: probabilities, or numbers in the truth's unit.

    `raw` is the same before calibration by `line`; both are (wanted rows,).
    """

    values: Values
    raw: Values
    line: Line
    trained: Trained


class ProbeSummary(TypedDict):
    """How one fit went. Expected calibration errors are of a classifier on the judged rows, None for a regression."""

    probe: str
    seed: int
    multiply_adds: int
    epochs: int
    best_epoch: int
    select_error: float
    seconds: float
    slope: float
    intercept: float
    reversed: bool
    raw_calibration_error: float | None
    calibration_error: float | None


def available_probes(data: ProbeData) -> list[str]:
    """Return the names of the probes that the tasks and the context columns of `data` allow."""
    known = {name: family_and_task(name) for name in PROBES}
    return [
        name
        for name, (family, task) in known.items()
        if task in data.tasks and (data.context or not family.reads_context)
    ]


def fit_probes(
    data: ProbeData,
    probes: Sequence[str],
    settings: ProbeSettings,
    *,
    seeds: Sequence[int],
    judged: Rows,
    progress: Progress,
) -> tuple[dict[str, Values], list[ProbeSummary]]:
    """Fit each probe with each seed on the fit rows; return its values for every token, and how each fit went.

    Columns are named probe@0, probe@1, … in the order of `seeds`, (tokens,) each. `judged` are the rows on which the
    calibration is measured. `progress` counts probes times seeds. Raises InputError as `fit` does.
    """
    every = np.arange(len(data.hidden))
    names = {f"{probe}@{number}": (probe, seed) for probe in probes for number, seed in enumerate(seeds)}
    fits = [Fit(probe, data.fit, every, seed) for probe, seed in names.values()]
    columns: dict[str, Values] = {}
    summaries: list[ProbeSummary] = []
    for name, wanted, fitted in zip(names, fits, fit(data, fits, settings, progress), strict=True):
        columns[name] = fitted.values
        summaries.append(_summary(data, wanted, fitted, settings, judged))
    return columns, summaries


def fit(data: ProbeData, fits: Sequence[Fit], settings: ProbeSettings, progress: Progress) -> Iterator[Fitted]:
    """Yield what each fit says of its wanted rows, in the order of `fits`; `progress` counts them.

    Inputs and regression targets are standardised by the fit's own rows. Every fit stops on the select rows and is
    calibrated there: a line of least squares for a regression, Platt's for a classification.
    Raises InputError naming a column of the wrong shape or with a value that is not finite, an unknown probe, or one
    whose task or context is not in `data`.
    """
    _check(data, [wanted.probe for wanted in fits])
    groups = _groups(data)
    inputs: dict[tuple[bool, int], Inputs] = {}
    members = []
    for wanted in fits:
        family, task = family_and_task(wanted.probe)
        rows = _rows(wanted.rows, data)
        key = (family.reads_context, id(wanted.rows))  # fits of the same rows share what they read
        if key not in inputs:
            inputs[key] = standardised(groups[: 1 + family.reads_context], rows)
        asked = _rows(wanted.wanted, data)
        select = _rows(data.select, data)
        members.append(Member(family.architecture, inputs[key], data.tasks[task], rows, select, asked, wanted.seed))
    for member, trained in zip(members, train(members, settings, progress), strict=True):
        yield _calibrated(member, trained)


def _calibrated(member: Member, trained: Trained) -> Fitted:
    kind = member.task.kind
    truth = member.task.truth[member.select]
    line = LINES[kind](_float64(trained.on_select), _float64(truth))
    raw = _float64(trained.said)
    values, plain = (LINKS[kind](outputs).astype(np.float32) for outputs in (line.at(raw), raw))
    return Fitted(values, plain, line, trained)


def _summary(data: ProbeData, wanted: Fit, fitted: Fitted, settings: ProbeSettings, judged: Rows) -> ProbeSummary:
    family, name = family_and_task(wanted.probe)
    task, trained = data.tasks[name], fitted.trained
    width = data.hidden.shape[1] + family.reads_context * len(data.context)
    errors: list[float | None] = [None, None]
    if task.kind == "classification":
        truth = _float64(task.truth)[judged]
        errors = [expected_calibration_error(values[judged], truth) for values in (fitted.raw, fitted.values)]
    return ProbeSummary(
        probe=wanted.probe,
        seed=wanted.seed,
        multiply_adds=multiply_adds(family.architecture, width, settings["hidden"]),
        epochs=trained.epochs,
        best_epoch=trained.best_epoch,
        select_error=trained.error,
        seconds=trained.seconds,
        slope=fitted.line.slope,
        intercept=fitted.line.intercept,
        reversed=fitted.line.reversed,
        raw_calibration_error=errors[0],
        calibration_error=errors[1],
    )


def _check(data: ProbeData, probes: Sequence[str]) -> None:
    for name, column in [*data.context.items(), *((name, task.target) for name, task in data.tasks.items())]:
        check_inputs(data.hidden, name, column)
    available = available_probes(data)
    for probe in probes:
        family_and_task(probe)
        if probe not in available:
            raise InputError(f"probe {probe!r}: its task or its context is not given; wanted of {', '.join(available)}")


def _groups(data: ProbeData) -> list[Tensor]:
    """The hidden state, then the context columns side by side, if there are any."""
    columns = [column.float() for column in data.context.values()]
    return [data.hidden, torch.stack(columns, 1)] if columns else [data.hidden]


def _rows(rows: Rows, data: ProbeData) -> Tensor:
    return torch.from_numpy(rows).to(data.hidden.device)


def _float64(column: Tensor) -> Column:
    return column.double().cpu().numpy()
