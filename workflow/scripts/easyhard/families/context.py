"""The signals of earlier tokens alone."""

from typing import Any

from easyhard.families.states import Batch, Context, Family, Tables
from easyhard.signals.context import read_context_signals


class _Earlier:
    def __init__(self, context: Context) -> None:
        files, rows = context.files, slice(context.first, context.first + context.rows)
        self.columns = read_context_signals(files["tokens"], files.get("counts") or None, rows)

    def __call__(self, batch: Batch) -> Tables:
        return {"context": {name: values[batch.rows] for name, values in self.columns.items()}}

    def summary(self) -> dict[str, Any]:
        return {}


def open_family(context: Context) -> Family:
    """Reads the tokens of the run; of the shard's first document those, too, that lie in an earlier shard."""
    return _Earlier(context)
