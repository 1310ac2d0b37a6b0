"""What the figures of a run are measured on: its tables, by the names of the rule's inputs, and its settings."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, Final

import numpy as np

from easyhard.activations.store import read_columns as read_activations
from easyhard.atomic import read_json
from easyhard.errors import InputError
from easyhard.evaluation.columns import Column, Mask, Rows, finite
from easyhard.evaluation.differences import ORACLE_CLASS
from easyhard.evaluation.judging import Candidate, Documents
from easyhard.policies.costs import Costs
from easyhard.signals.description import Description, describe
from easyhard.signals.leak_search import Caught, caught_signals, open_leak_test
from easyhard.signals.leaks import LeakTest
from easyhard.signals.registry import Sizes
from easyhard.signals.store import Paths, column_names, read_columns, shard_files
from easyhard.signals.tokens import StoredSignal, argmax_wrong, read_tokens, stored_signals

SIGNAL_TABLES: Final = ("own", "head", "hidden", "context", "probes", "stacks", "low_rank")
UNSTRATIFIED: Final = "low_rank"  # many signals that say nearly the same


class Run:
    """Reads what a measure asks for. `files` are a rule's inputs by name, a file or the shards of a table each; a name
    that a run does not have is absent."""

    def __init__(self, files: Mapping[str, Any], settings: Mapping[str, Any], threads: int) -> None:
        self.files, self.settings, self.threads = files, settings, threads

    def json(self, name: str) -> dict[str, Any]:
        """A JSON file, the first of several shards; nothing where the run does not have it."""
        return read_json(shard_files(self.files[name])[0]) if name in self.files else {}

    def columns(
        self, table: str, names: Sequence[str], tokens: int, kept: Rows | Mask | None = None
    ) -> dict[str, Column]:
        """Columns of a table that has so many rows, of all or of those that are `kept`, (rows,) each.

        Raises InputError naming a damaged file, or a value that is not finite.
        """
        held = read_columns(self.files[table], names, rows=tokens)
        return {name: finite(name, values if kept is None else values[kept]) for name, values in held.items()}

    def under(self, folder: str, table: str, tokens: int, kept: Rows | None = None) -> dict[str, Column]:
        """The columns folder/name of a table, by name, as `columns` has them."""
        names = [name for name in column_names(self.files[table]) if name.startswith(f"{folder}/")]
        found = self.columns(table, names, tokens, kept)
        return {name.removeprefix(f"{folder}/"): values for name, values in found.items()}

    @cached_property
    def validation(self) -> dict[str, Any]:
        """Of the founding validation tokens loss (nats), sequence and target, (tokens,) each."""
        found = read_activations(self.files["activations"], ["loss", "sequence", "target"])
        return found | {"loss": finite("loss", found["loss"])}

    @cached_property
    def signals(self) -> dict[str, StoredSignal]:
        """Every signal of the documents, by name."""
        tables = [self.files[table] for table in SIGNAL_TABLES if table in self.files]
        return {signal.name: signal for signal in stored_signals(tables)}

    @cached_property
    def documents(self) -> Documents:
        """The documents as signals are judged on them."""
        tokens = read_tokens(self.files["rows"])
        wrong = argmax_wrong(self.files["rows"], self.signals.values(), len(tokens))
        return Documents(tokens, wrong, self.settings["fair"], self.settings["seed"])

    @cached_property
    def sizes(self) -> Sizes | None:
        """What costs depend on; None for a run without a head."""
        head, settings = self.json("fitted"), self.settings
        if not head:
            return None
        return Sizes(head["dim"], head["words"], settings["fair_low_rank"]["refined"], settings["fair"]["references"])

    @cached_property
    def costs(self) -> Costs | None:
        """What a token of the test documents costs in the model; None where the layers' costs are not known."""
        stored = self.json("exits_summary") or self.json("model").get("costs")
        tokens = self.documents.tokens
        context = tokens.position.astype(np.float64).clip(min=0)[self.documents.test].mean() + 1
        return Costs.of(stored, float(context)) if stored else None

    @cached_property
    def whole_model(self) -> float | None:
        """Multiply-adds of the whole model for a token of the test documents, head included; None where unknown."""
        return None if self.costs is None else self.costs.whole

    @cached_property
    def descriptions(self) -> dict[str, Description]:
        """What is known of every signal of the documents, by name."""
        said = dict(self.settings["own"])
        for name in ("probes_summary", "stacks_summary"):
            said |= self.json(name).get("costs", {})
        return {name: describe(name, said.get(name) or {}, self.sizes) for name in self.signals}

    def high_means_easy(self, signal: StoredSignal) -> bool:
        """Whether high values of a signal mean easy: as it is described, or else as it is on the fit rows."""
        known = self.descriptions[signal.name].high_means_easy
        if known is not None:
            return known
        return self.documents.high_means_easy(signal.read(len(self.documents.tokens))[0])

    @cached_property
    def leak_test(self) -> LeakTest:
        """What signals that know the answer are told by."""
        computed = {} if "own" in self.files else self.signals
        documents = self.documents
        return open_leak_test(self.files["rows"], documents.tokens, computed, documents.thresholds[documents.main])

    @cached_property
    def caught(self) -> Caught:
        """The signals of the documents that know the answer and are not said to: those found before stacks were grown,
        and of the others those brought along and the stacks."""
        late = [self.files[table] for table in ("own", "stacks") if table in self.files]
        signals = [signal for signal in self.signals.values() if signal.paths in late]
        oracles = [name for name, description in self.descriptions.items() if description.needs == ORACLE_CLASS]
        found = caught_signals(self.leak_test, signals, oracles, len(self.documents.tokens))
        return self.json("stacks_summary").get("caught", {}) | found

    def candidates(self) -> Iterator[Candidate]:
        """Every signal of the documents, to be judged, but those that know the answer and are not said to.

        Raises InputError naming these where no other is there.
        """
        if self.caught.keys() >= self.signals.keys():
            raise InputError(
                f"input.signals: all signals know the answer ({', '.join(self.caught)}); one that does not look at the "
                "target, or needs: target to show them as oracles, is wanted"
            )
        for signal in self.signals.values():
            if signal.name in self.caught:
                continue
            description = self.descriptions[signal.name]
            yield Candidate(
                signal.name,
                description.needs,
                self.high_means_easy(signal),
                description.multiply_adds,
                [partial(self._column, signal.paths, column) for column in signal.columns],
                stratified=signal.paths is not self.files.get(UNSTRATIFIED),
            )

    def _column(self, paths: Paths, column: str) -> np.ndarray[Any, Any]:
        return read_columns(paths, [column], rows=len(self.documents.tokens))[column]
