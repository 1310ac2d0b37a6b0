"""What the language model and its corpus are, as figures."""

from collections.abc import Mapping

from easyhard.errors import InputError
from easyhard.evaluation.rows import Row, make_rows

REQUIRED = (
    "validation_perplexity",
    "vocabulary_size",
    "train_sequences",
    "validation_sequences",
    "validation_tokens",
    "epochs",
)


def model_rows(figures: Mapping[str, float]) -> list[Row]:
    """Return section `model` from metric → value, perplexity and counts; `REQUIRED` and any others, in their order.

    Raises InputError naming the required figures that are missing.
    """
    missing = [name for name in REQUIRED if name not in figures]
    if missing:
        raise InputError(f"model: no {', '.join(missing)}; figures of a training that ended are wanted")
    return make_rows("model", "language_model", figures)
