"""The probes of the protocol fair: fitted on fit rows, stopped and calibrated on select rows, asked about any row."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor

from easyhard.errors import InputError
from easyhard.logits.tiles import each
from easyhard.probes.calibration import Column, Line, expected_calibration_error, least_squares_line, platt_line
from easyhard.probes.ensemble import Member, ProbeSettings, Trained, train
from easyhard.probes.inputs import check_column
from easyhard.probes.standardise import Inputs, Moments, standardised
from easyhard.probes.tasks import Task
from easyhard.progress import Progress
from easyhard.signals.catalogue import PROBES, Kind, family_and_task, multiply_adds

Rows = NDArray[np.int64]
Values = NDArray[np.float32]

CALIBRATION_ROWS = 2**18  # of the judged ones

# How raw outputs are calibrated, by kind of task, and what makes values of calibrated ones.
LINES: dict[Kind, Callable[[Column, Column], Line]] = {
    "regression": least_squares_line,
    "classification": platt_line,
}
LINKS: dict[Kind, Callable[[Column], Column]] = {"regression": np.asarray, "classification": expit}


@dataclass(frozen=True)
class ProbeData:
    """What probes read and learn. Row numbers are of all tokens, ascending.

    hidden (kept rows, dim) of any float type are the states of the rows `kept`, among which those to fit on and to
    select by must be; `states()` streams those of all tokens in their order, (any number, dim) at a time. Context
    columns (tokens,) by name, tasks by name, and the document of every token (tokens,) are of all tokens. Tensors lie
    on one device; row numbers and documents are arrays. Without context columns, no probe of context.
    """

    hidden: Tensor
    kept: Rows
    states: Callable[[], Iterator[Tensor]]
    context: Mapping[str, Tensor]
    tasks: Mapping[str, Task]
    documents: NDArray[np.integer]
    fit: Rows
    select: Rows


@dataclass(frozen=True)
class Fit:
    """One probe, by its name, to be fitted on `rows` with one seed."""

    probe: str
    rows: Rows
    seed: int


@dataclass(frozen=True)
class Fitted:
    """A fitted probe: how it was trained, the moments that scale what it reads, and the line that calibrates it."""

    fit: Fit
    reads_context: bool
    kind: Kind
    trained: Trained
    moments: Moments
    line: Line

    def say(self, groups: Sequence[Tensor], rows: Tensor) -> tuple[Values, Values]:
        """Of `rows` of `groups`, the hidden states and the context columns side by side, what the probe says before
        and after calibration, (rows,) each: probabilities, or numbers in the truth's unit."""
        inputs = Inputs(tuple(groups[: 1 + self.reads_context]), self.moments)
        raw = _float64(self.trained.say(inputs, rows))
        plain, values = (LINKS[self.kind](outputs).astype(np.float32) for outputs in (raw, self.line.at(raw)))
        return plain, values


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
    data: ProbeData, probes: Sequence[str], settings: ProbeSettings, *, seeds: Sequence[int], progress: Progress
) -> dict[str, Fitted]:
    """Fit each probe with each seed on the fit rows; return them as probe@0, probe@1, … in the order of `seeds`.

    `progress` counts probes times seeds. Raises InputError as `fit` does.
    """
    names = {f"{probe}@{number}": Fit(probe, data.fit, seed) for probe in probes for number, seed in enumerate(seeds)}
    return dict(zip(names, fit(data, list(names.values()), settings, progress), strict=True))


def fit(data: ProbeData, fits: Sequence[Fit], settings: ProbeSettings, progress: Progress) -> list[Fitted]:
    """Return the fitted probes, in the order of `fits`; `progress` counts them.

    Inputs and regression targets are standardised by the fit's own rows. Every fit stops on the select rows and is
    calibrated there: a line of least squares for a regression, Platt's for a classification.
    Raises InputError naming a column of the wrong shape or with a value that is not finite, an unknown probe, or one
    whose task or context is not in `data`.
    """
    _check(data, [wanted.probe for wanted in fits])
    kept = torch.from_numpy(data.kept).to(data.hidden.device)
    groups = [data.hidden, *(columns[kept] for columns in _context(data))]
    tasks = {name: Task(name, task.target[kept], task.truth[kept]) for name, task in data.tasks.items()}
    select = _places(data.select, data)
    inputs: dict[tuple[bool, int], Inputs] = {}
    members = []
    for wanted in fits:
        family, task = family_and_task(wanted.probe)
        rows = _places(wanted.rows, data)
        key = (family.reads_context, id(wanted.rows))  # fits of the same rows share what they read
        if key not in inputs:
            inputs[key] = standardised(groups[: 1 + family.reads_context], rows)
        members.append(Member(family.architecture, inputs[key], tasks[task], rows, select, wanted.seed))
    found = []
    for wanted, member, trained in zip(fits, members, train(members, settings, progress), strict=True):
        kind = member.task.kind
        line = LINES[kind](_float64(trained.on_select), _float64(member.task.truth[select]))
        reads_context = family_and_task(wanted.probe)[0].reads_context
        found.append(Fitted(wanted, reads_context, kind, trained, member.inputs.moments, line))
    return found


def said(
    data: ProbeData, fitted: Sequence[Fitted], wanted: Sequence[Rows]
) -> Iterator[tuple[slice, list[tuple[Values, Values]]]]:
    """Stream what each fitted probe says of its `wanted` rows, ascending, before and after calibration.

    Yields, for each batch of states, the part of the tokens that it is, and a pair of columns a probe, of those of its
    wanted rows that lie there. No more than a batch of states is held.
    """
    context, first = _context(data), 0
    for hidden in data.states():
        batch = slice(first, first := first + len(hidden))
        groups = [hidden, *(columns[batch] for columns in context)]

        def one(pair: tuple[Fitted, Rows], batch: slice = batch, groups: Sequence[Tensor] = groups) -> tuple[Any, Any]:
            probe, rows = pair
            own = rows[slice(*np.searchsorted(rows, [batch.start, batch.stop]))] - batch.start
            return probe.say(groups, torch.from_numpy(own).to(data.hidden.device))

        yield batch, list(each(one, list(zip(fitted, wanted, strict=True)), hidden.device))


def values_of(data: ProbeData, fitted: Sequence[Fitted], wanted: Sequence[Rows]) -> list[Values]:
    """Return what each fitted probe says of its `wanted` rows, ascending, calibrated: (wanted rows,) each."""
    parts = [[values for _, values in batch] for _, batch in said(data, fitted, wanted)]
    return [np.concatenate([batch[number] for batch in parts]) for number in range(len(fitted))]


def summarise(
    data: ProbeData, fitted: Sequence[Fitted], settings: ProbeSettings, *, judged: Rows
) -> list[ProbeSummary]:
    """Return how each fit went; the calibration is measured on about 262,144 of the rows `judged`."""
    rows = judged[:: -(-len(judged) // CALIBRATION_ROWS)]
    classifiers = [probe for probe in fitted if probe.kind == "classification"]
    batches = [batch for _, batch in said(data, classifiers, [rows] * len(classifiers))]
    errors = {}
    for number, probe in enumerate(classifiers):
        truth = _float64(data.tasks[family_and_task(probe.fit.probe)[1]].truth)[rows]
        columns = (np.concatenate([batch[number][which] for batch in batches]) for which in range(2))
        errors[id(probe)] = [expected_calibration_error(column, truth) for column in columns]
    return [_summary(data, probe, settings, errors.get(id(probe), [None, None])) for probe in fitted]


def _summary(data: ProbeData, fitted: Fitted, settings: ProbeSettings, errors: Sequence[float | None]) -> ProbeSummary:
    trained = fitted.trained
    width = data.hidden.shape[1] + fitted.reads_context * len(data.context)
    return ProbeSummary(
        probe=fitted.fit.probe,
        seed=fitted.fit.seed,
        multiply_adds=multiply_adds(trained.architecture, width, settings["hidden"]),
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
        check_column(name, column, len(data.documents))
    available = available_probes(data)
    for probe in probes:
        family_and_task(probe)
        if probe not in available:
            raise InputError(f"probe {probe!r}: its task or its context is not given; wanted of {', '.join(available)}")


def _context(data: ProbeData) -> list[Tensor]:
    """The context columns side by side, (tokens, columns), if there are any."""
    columns = [column.float() for column in data.context.values()]
    return [torch.stack(columns, 1)] if columns else []


def _places(rows: Rows, data: ProbeData) -> Tensor:
    """Where in `data.hidden` the states of `rows` are. Raises InputError when one is not."""
    places = np.searchsorted(data.kept, rows)
    if len(rows) and not np.array_equal(data.kept.take(places, mode="clip"), rows):
        raise InputError("rows: some have no state in memory; rows of `kept` are wanted")
    return torch.from_numpy(places).to(data.hidden.device)


def _float64(column: Tensor) -> Column:
    return column.double().cpu().numpy()
