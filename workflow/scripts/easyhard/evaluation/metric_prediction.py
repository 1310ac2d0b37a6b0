"""How well the logits' statistics can be foretold from the hidden state."""

from collections.abc import Mapping

from numpy.typing import ArrayLike

from easyhard.evaluation.columns import check_columns
from easyhard.evaluation.correlation import pearson, spearman
from easyhard.evaluation.rows import Row, make_rows


def metric_prediction_rows(actual: Mapping[str, ArrayLike], predicted: Mapping[str, ArrayLike]) -> list[Row]:
    """Return section `metric_prediction`: per signal the correlation of true and predicted values, each (tokens,).

    Raises InputError naming a column that `check_columns` refuses.
    """
    rows = []
    for name, values in actual.items():
        true, foretold = check_columns({name: values, f"{name}_predicted": predicted[name]})
        figures = {"pearson": pearson(true, foretold), "spearman": spearman(true, foretold)}
        rows += make_rows("metric_prediction", name, figures)
    return rows
