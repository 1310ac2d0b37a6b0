"""The model's rows."""

import pytest

from easyhard.errors import InputError
from easyhard.evaluation.model import REQUIRED, model_rows
from easyhard.evaluation.rows import Row


def test_every_figure_is_a_row_of_the_language_model() -> None:
    figures = {name: float(index) for index, name in enumerate(REQUIRED)} | {"train_seconds": 12.5}
    rows = model_rows(figures)
    assert rows[0] == Row("model", "language_model", "validation_perplexity", 0.0)
    assert {row.metric: row.value for row in rows} == figures


def test_missing_figures_are_named() -> None:
    with pytest.raises(InputError, match="model: no vocabulary_size, epochs; "):
        model_rows({name: 1.0 for name in REQUIRED if name not in ("vocabulary_size", "epochs")})
