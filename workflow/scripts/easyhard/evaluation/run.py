"""What the figures of a run are measured on: its tables, by the names of the rule's inputs, and its settings."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, Final

import numpy as np

from easyhard.activations.store import read_columns as read_activations
from easyhard.atomic import read_json
from easyhard.evaluation.columns import Column, Mask, Rows, finite
from easyhard.evaluation.judging import Candidate, Documents
from easyhard.policies.costs import Costs
from easyhard.signals.description import describe
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

    def candidates(self) -> Iterator[Candidate]:
        """Every signal of the documents, to be judged."""
        said = dict(self.settings["own"])
        for name in ("probes_summary", "stacks_summary"):
            said |= self.json(name).get("costs", {})
        for signal in self.signals.values():
            description = describe(signal.name, said.get(signal.name) or {}, self.sizes)
            high_means_easy = description.high_means_easy
            if high_means_easy is None:
                high_means_easy = self.documents.high_means_easy(signal.read(len(self.documents.tokens))[0])
            yield Candidate(
                signal.name,
                description.needs,
                high_means_easy,
                description.multiply_adds,
                [partial(self._column, signal.paths, column) for column in signal.columns],
                stratified=signal.paths is not self.files.get(UNSTRATIFIED),
            )

    def _column(self, paths: Paths, column: str) -> np.ndarray[Any, Any]:
        return read_columns(paths, [column], rows=len(self.documents.tokens))[column]
