"""The signals of the logits, plain and at the fitted temperature, by one pass over the vocabulary."""

from collections.abc import Sequence
from typing import Any

from easyhard.atomic import read_json
from easyhard.families.states import Batch, Context, Family, Tables
from easyhard.signals.head_batch import head_signals
from easyhard.signals.store import read_columns


class _Head:
    def __init__(self, context: Context) -> None:
        files = context.files
        self.context = context
        self.only: Sequence[str] | None = context.settings.get("only")
        self.temperature = read_json(files["fitted"])["temperature"] if files.get("fitted") else None
        # a model without targets has no temperature to fit; founding rows have targets, and want none
        self.has_targets = not files.get("fitted") or self.temperature is not None
        counts = files.get("counts")
        self.counts = read_columns(counts, ["count"], rows=len(context.head))["count"] if counts else None

    def __call__(self, batch: Batch) -> Tables:
        found = head_signals(
            batch.hidden,
            self.context.head,
            batch.target if self.has_targets else None,
            temperature=self.temperature,
            counts=self.counts,
            softcap=self.context.softcap,
            only=self.only,
        )
        return {"signals": {name: values.cpu().numpy() for name, values in found.items()}}

    def summary(self) -> dict[str, Any]:
        return {}


def open_family(context: Context) -> Family:
    """`settings` may name, under `only`, the signals that are wanted; else there are all that can be computed."""
    return _Head(context)
