"""Rows are laid out in documents, sequences and positions, by what is given and by rule where it is not."""

import logging

import numpy as np
import pytest

from easyhard.errors import InputError
from easyhard.imports.tokens import lay_out

DOCUMENT = np.repeat([7, 3, 900], [5, 1, 4])


def test_without_documents_each_sequence_is_said_to_stand_in(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "easyhard"):
        layout = lay_out("x.parquet", 10, 4, {})
    assert "x.parquet: 10 tokens, 3 sequences; no column document, so each sequence stands in for one" in caplog.text
    assert layout["sequence"].tolist() == [0] * 4 + [1] * 4 + [2] * 2
    assert layout["document"].tolist() == layout["sequence"].tolist()
    assert layout["position"].tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    dtypes = {"document": np.int32, "sequence": np.int32, "position": np.int16}
    assert {name: values.dtype for name, values in layout.items()} == dtypes


@pytest.mark.parametrize(
    "document", [DOCUMENT, DOCUMENT.astype(float), np.array([f"d{n}" for n in DOCUMENT]), DOCUMENT.astype(object)]
)
def test_documents_of_any_label_are_cut_into_sequences(document: np.ndarray) -> None:
    layout = lay_out("x.parquet", 10, 3, {"document": document})
    assert layout["document"].tolist() == [0] * 5 + [1] + [2] * 4
    assert layout["sequence"].tolist() == [0, 0, 0, 1, 1, 2, 3, 3, 3, 4]
    assert layout["position"].tolist() == [0, 1, 2, 0, 1, 0, 0, 1, 2, 0]


def test_sequences_may_be_numbered_anew_in_each_document() -> None:
    sequence = np.array([0, 0, 1, 1, 2, 0, 0, 0, 1, 1])
    layout = lay_out("x.parquet", 10, 3, {"document": DOCUMENT, "sequence": sequence})
    assert layout["sequence"].tolist() == [0, 0, 1, 1, 2, 3, 4, 4, 5, 5]
    assert layout["position"].tolist() == [0, 1, 0, 1, 0, 0, 0, 1, 0, 1]


def test_position_that_does_not_rise_starts_a_sequence() -> None:
    position = np.array([0, 1, 5, 0, 1, 1, 2, 3, 0, 9])
    layout = lay_out("x.parquet", 10, 3, {"position": position})
    assert layout["sequence"].tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 3, 3]
    assert layout["position"].tolist() == position.tolist()
    by_document = lay_out("x.parquet", 10, 3, {"position": np.arange(10), "document": DOCUMENT})
    assert by_document["sequence"].tolist() == by_document["document"].tolist()


@pytest.mark.parametrize(
    "part", [np.repeat([0, 2, 1], [5, 1, 4]), np.array(["fit"] * 5 + ["test"] + ["select"] * 4, dtype=object)]
)
def test_parts_by_number_or_name(part: np.ndarray) -> None:
    layout = lay_out("x.parquet", 10, 3, {"document": DOCUMENT, "part": part})
    assert layout["part"].tolist() == [0] * 5 + [2] + [1] * 4
    assert layout["part"].dtype == np.int8


def given(**changes: object) -> dict[str, np.ndarray]:
    return {name: np.array(values) for name, values in ({"document": DOCUMENT} | changes).items()}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (given(document=[1, 1, 2, 2, 3, 3, 1, 4, 4, 4]), r"document 1 comes back at row 6, after another"),
        (given(document=[1.5] * 10), r"document is float64 .*one whole number or text a token is wanted"),
        (
            given(document=[1] * 10, sequence=[1] * 5 + [2] * 5),
            r"2 sequences; at least 3, one each to fit, select, test",
        ),
        (given(sequence=[0, 1, 0, 1, 2, 0, 0, 0, 1, 1]), r"sequence 0 comes back at row 2"),
        (given(sequence=[0] * 10, position=[0, 1, 2, 2, 4, 0, 0, 1, 2, 3]), r"position does not rise at row 3"),
        (given(position=[0, 1, 2, 3, 40000, 0, 0, 1, 2, 3]), r"position is 40000 in row 4; .*from 0 to 32767"),
        (given(position=[-1, 1, 2, 3, 4, 0, 0, 1, 2, 3]), r"position is -1 in row 0"),
        (given(part=[0] * 4 + [1] + [2] * 5), r"part changes at row 4, within a document"),
        (given(part=[0] * 6 + [3] * 4), r"part is 3 in row 6; fit, select, test, or 0, 1, 2, are wanted"),
        (given(part=[0] * 6 + [1] * 4), r"part has no row of test"),
    ],
)
def test_what_does_not_fit_is_named(columns: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(InputError, match=rf"x\.parquet: {message}"):
        lay_out("x.parquet", 10, 3, columns)


def test_too_few_sequences_and_too_long_ones() -> None:
    with pytest.raises(InputError, match="2 sequences; at least 3"):
        lay_out("x.parquet", 10, 5, {})
    with pytest.raises(InputError, match="ends in row 32768 has 32769 rows; at most 32768 are wanted"):
        lay_out("x.parquet", 100_000, 32_769, {})
    assert lay_out("x.parquet", 100_000, 32_768, {})["position"].max() == 32_767
