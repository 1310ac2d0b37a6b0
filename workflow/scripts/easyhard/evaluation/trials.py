"""Exit policies of every signal, tried on select documents: their thresholds, and which of them are chosen."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from easyhard.evaluation.columns import Column, Rows, finite
from easyhard.evaluation.correlation import spearman
from easyhard.evaluation.exit_names import LENS, TRANSLATED, exit_name
from easyhard.evaluation.exit_signals import PROBES, class_of, described
from easyhard.evaluation.exits import Head
from easyhard.evaluation.run import Run
from easyhard.policies.candidates import PATIENCE, can_be_taken, fit_mixtures, grid_of, levels, policies_of
from easyhard.policies.costs import Costs
from easyhard.policies.curves import PERPLEXITIES, Areas, Curve, Measured, Point, areas, best_mixture, points
from easyhard.policies.policy import Policy
from easyhard.policies.simulation import ByExit, Grid, leaving
from easyhard.progress import Progress
from easyhard.signals.catalogue import EXIT_PROBES, exit_family_and_task, task_kind
from easyhard.signals.exit_labels import excess_loss
from easyhard.signals.tokens import FIT, StoredSignal, stored_signals

FULL, ALONE = "", "alone_"
"""Everything counted, and the layers run alone; in the names of figures."""

CONFIDENCE, COSINE, REPEATED = "max_probability", "state_cosine", "same_argmax"
EXCESS: Final = "excess"
LEARNT, SOFTMAX, SATURATION, BEST = "learnt", "softmax", "saturation", "best"
ROLES: Final = (LEARNT, SOFTMAX, PATIENCE, SATURATION, BEST)
"""Whom the chosen policies stand for: predicted excess, softmax response, patience, CALM's cosine, the best of all."""

Found = TypeVar("Found")


class Part:
    """Some documents' tokens, what they give at each exit of each head, and the samples that figures are of."""

    def __init__(self, trials: "Trials", rows: Rows, cluster: np.ndarray[Any, Any], weights: Column) -> None:
        """cluster: (rows,), 0 … clusters − 1; weights: (clusters, samples), the first sample all tokens once."""
        self.rows, self.cluster, self.weights = rows, cluster, weights
        self.heads = {name: self._measured(head) for name, head in trials.heads.items()}
        fixed = self.heads[LENS].fixed
        self.mixtures = {how: best_mixture(costs, fixed) for how, costs in trials.random.items()}

    def curve(self, head: str, found: Sequence[Column], grid: Grid) -> Curve:
        """The curve of a policy whose output is of this head, from its levels at the exits, (rows,) each."""
        return self.heads[head].curve(leaving(found, grid, self.cluster, len(self.weights)))

    def _measured(self, head: Head) -> Measured:
        exits = sorted(head.loss)
        loss = [head.loss[layer][self.rows] for layer in exits]
        words = [head.argmax[layer][self.rows] for layer in exits]
        tokens = np.bincount(self.cluster, minlength=len(self.weights)) @ self.weights
        sums = np.stack([np.bincount(self.cluster, own, len(self.weights)) for own in loss])
        return Measured(
            ByExit(loss),
            ByExit([own == words[-1] for own in words]),
            ByExit([head.kl[layer][self.rows] for layer in exits]),
            sums @ self.weights / tokens,
            self.weights,
        )


@dataclass(frozen=True)
class Tried:
    """A policy on select documents: its grid of thresholds, what leaving at each exit costs by it, (exits,), as a share
    of the whole model and in layers alone, and by either count its points and its area over fixed layers. It is
    `learnt` where its signal foretells the loss beyond the last exit's."""

    policy: Policy
    learnt: bool
    needs: str
    head: str
    grid: Grid
    costs: Mapping[str, Column]
    points: Mapping[str, Mapping[str, Point]] = field(default_factory=dict)
    areas: Mapping[str, float] = field(default_factory=dict)

    def at(self, point: str) -> Policy | None:
        """The policy with the thresholds of a point, everything counted; None where there are none."""
        found = self.points[FULL].get(point)
        return found and replace(self.policy, thresholds=self.grid[found.threshold].tolist())


class Trials:
    """Tries policies. Raises InputError as reading their signals does."""

    def __init__(self, run: Run, heads: Mapping[str, Head]) -> None:
        self.run, self.heads, documents = run, heads, run.documents
        self.exits = sorted(heads[LENS].loss)
        tokens = documents.tokens
        self.position = tokens.position.astype(np.float64).clip(min=0)
        self.window = int(tokens.position.max()) + 1 if tokens.position.min() >= 0 else None
        self.costs = Costs.of(run.json("exits_summary"), float(self.position[documents.test].mean()) + 1)
        self.random = {FULL: self.costs.at(self.exits) / self.costs.whole, ALONE: self.costs.layers_alone(self.exits)}
        self.select = Part(self, documents.select, np.zeros(len(documents.select), np.int64), np.ones((1, 1)))
        self._fit = tokens.rows(FIT)
        self._excess = excess_loss({layer: heads[LENS].loss[layer][self._fit] for layer in self.exits})

    @cached_property
    def signals(self) -> dict[str, dict[int, StoredSignal]]:
        """Every signal that a policy may read, by name and layer: not those of earlier tokens, whose depth is not known
        any more once tokens leave, nor whether one choice is the last one's, which patience says."""
        found: dict[str, dict[int, StoredSignal]] = {}
        tables = [self.run.files[table] for table in ("exit_signals", PROBES) if table in self.run.files]
        for signal in stored_signals(tables):
            layer, _, name = exit_name(signal.name)
            known = described(self.run, signal.name)
            if known.needs != "context" and name != REPEATED and np.isfinite(known.multiply_adds):
                found.setdefault(signal.name.partition("/")[2], {})[layer] = signal
        return found

    def read(self, name: str) -> dict[int, Column]:
        """Values of a signal by layer, (tokens,) each. Raises InputError naming one that is not finite."""
        count = len(self.run.documents.tokens)
        return {layer: finite(own.name, own.read(count)[0]) for layer, own in self.signals[name].items()}

    def output_of(self, name: str) -> str:
        """Through which head tokens leave by a signal: the one that it reads, where that is an exit's."""
        head = name.rpartition("/")[0]
        return head if head in self.heads else LENS

    def tried(self, name: str, values: Mapping[int, Column]) -> Iterator[Tried]:
        """Every policy of a signal on the select documents. values: as `read` gives them."""
        signal, output = self.signals[name], self.output_of(name)
        head, _, base = name.rpartition("/")
        probe = EXIT_PROBES.get(base)
        task = exit_family_and_task(base)[1] if probe else None
        confidence = base == CONFIDENCE or (task is not None and task_kind(task) == "classification")
        known = {layer: described(self.run, own.name) for layer, own in signal.items()}
        first = next(iter(known.values()))
        needs = class_of(self.run, next(iter(signal.values())), first)
        extra = float(self.run.json("fitted")["dim"] ** 2) if head == TRANSLATED else 0.0
        before = first.multiply_adds if needs == "head" else 0.0  # what compares with the exit before took its pass too
        asked = [known[layer].multiply_adds if layer in known else before for layer in self.exits[:-1]]
        full = self.costs.asked(self.exits, asked, extra, passes=needs == "head") / self.costs.whole
        known_as = self._high_leaves(values) if first.high_means_easy is None else first.high_means_easy
        learnt = task == EXCESS
        for policy in policies_of(name, self.exits, known_as, excess=learnt, confidence=confidence, window=self.window):
            made = self._with_mixtures(policy, values, output)
            if made is not None:
                found = self.levels(made, values, self.select.rows)
                costs = {FULL: full, ALONE: self.random[ALONE]}
                yield self._on_select(Tried(made, learnt, needs, output, grid_of(made, found), costs), found)

    def levels(self, policy: Policy, values: Mapping[int, Column], rows: Rows) -> list[Column]:
        """Levels of some tokens at every exit but the last."""
        return levels(policy, {layer: own[rows] for layer, own in values.items()}, self.position[rows])

    def _on_select(self, own: Tried, found: Sequence[Column]) -> Tried:
        curve = self.select.curve(own.head, found, own.grid)
        head = {FULL: self.costs.head / self.costs.whole, ALONE: 0.0}
        at = {how: points(curve, costs, 1 - head[how], head[how]) for how, costs in own.costs.items()}
        gained = {how: float(self.areas(self.select, own, curve, how).fixed[0]) for how in own.costs}
        return replace(own, points=at, areas=gained)

    def areas(self, part: Part, own: Tried, curve: Curve, how: str) -> Areas:
        """The areas of a policy's curve on some documents."""
        return areas(curve, own.costs[how], self.random[how], part.heads[own.head].fixed, part.mixtures[how])

    def _high_leaves(self, values: Mapping[int, Column]) -> bool:
        """Whether high values stand for leaving: on fit rows they go with a low loss beyond the last exit's."""
        own = np.concatenate([values[layer][self._fit] for layer in values])
        return spearman(own, np.concatenate([self._excess[layer] for layer in values])) < 0

    def _with_mixtures(self, policy: Policy, values: Mapping[int, Column], head: str) -> Policy | None:
        if policy.mixtures is None:
            return policy
        if set(values) != set(self.exits[:-1]):
            return None
        words = self.heads[head].argmax
        agrees = [(words[layer] == words[self.exits[-1]])[self._fit] for layer in self.exits[:-1]]
        found = fit_mixtures([values[layer][self._fit] for layer in self.exits[:-1]], agrees)
        return None if found is None else replace(policy, mixtures=found)


def try_all(trials: Trials, each: Callable[[Tried, Mapping[int, Column]], Found], label: str) -> list[Found]:
    """What `each` makes of every policy and the values of its signal; signals are shared out to threads.

    Libraries run on one thread meanwhile, so that no figure depends on the number of threads.
    """

    def of_signal(name: str) -> list[Found]:
        values = trials.read(name)
        return [each(own, values) for own in trials.tried(name, values)]

    progress, found = Progress(label, len(trials.signals), "signals"), list[Found]()
    with threadpool_limits(1), ThreadPoolExecutor(trials.run.threads) as pool:
        for number, own in enumerate(pool.map(of_signal, trials.signals), start=1):
            found += own
            progress.update(number)
    return found


def roles(tried: Sequence[Tried], point: str) -> dict[str, Tried]:
    """The chosen policies by role, everything counted, by the area on select, the best of all by the point on select.

    A role that none can play is left out.
    """
    own = {
        LEARNT: [one for one in tried if one.learnt],
        SOFTMAX: [one for one in tried if one.policy.signal == CONFIDENCE],
        PATIENCE: [one for one in tried if one.policy.kind == PATIENCE],
        SATURATION: [one for one in tried if one.policy.signal == COSINE],
    }
    found = {role: max(among, key=lambda one: one.areas[FULL]) for role, among in own.items() if among}
    best = best_at(point, tried)
    return found if best is None else {BEST: best} | found


def best_at(point: str, tried: Sequence[Tried]) -> Tried | None:
    """The best policy at a point on select: of the least compute, or of the least loss.

    Of those that over all thresholds gain something over fixed layers on select, so that one lucky threshold, or
    leaving always after one layer, makes none; None where none does.
    """
    known = [own for own in tried if point in own.points[FULL] and own.areas[FULL] > 0]
    value = "compute" if point in PERPLEXITIES else "loss"
    return min(known, key=lambda own: float(getattr(own.points[FULL][point], value)), default=None)


def chosen(tried: Sequence[Tried], point: str) -> dict[str, Any]:
    """What is done with policies beside measuring them: `points`, each with a policy, that a true pass is made of, for
    every role and point, and, under `taken`, the best policy that reads states alone, at one point; None where none is.
    """
    unique = {own.policy.name: own for own in roles(tried, point).values()}
    at = [(name, own.at(name)) for own in unique.values() for name in own.points[FULL]]
    best = best_at(point, [own for own in tried if can_be_taken(own.policy.signal) and own.policy.mixtures is None])
    return {
        "points": [{"point": name, "policy": own.as_json()} for name, own in at if own is not None],
        "taken": best and _taken(best, point),
    }


def _taken(own: Tried, point: str) -> dict[str, Any]:
    policy = own.at(point)
    return {"point": point, "policy": policy and policy.as_json(), "costs": own.costs[FULL].tolist()}
