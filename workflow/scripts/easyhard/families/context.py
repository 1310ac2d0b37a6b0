"""The signals of earlier tokens alone."""

from easyhard.families.states import Batch, Context, Family, Tables
from easyhard.signals.context import read_context_signals


def open_family(context: Context) -> Family:
    """Reads the tokens of the run; of the shard's first document those, too, that lie in an earlier shard."""
    files, rows = context.files, slice(context.first, context.first + context.rows)
    found = read_context_signals(files["tokens"], files.get("counts") or None, rows)

    def say(batch: Batch) -> Tables:
        return {"context": {name: values[batch.rows] for name, values in found.items()}}

    return Family(say)
