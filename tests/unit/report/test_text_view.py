"""The text view shows the tokens of test documents with what is known of each."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from easyhard.atomic import write_json
from easyhard.report.text_view import LONGEST, text_view, vocabulary_of
from easyhard.signals.store import write_columns
from easyhard.tokens.store import write_vocabulary

from .conftest import Make

TOKENS, WORDS = 3000, ["<unk>", "<pad>", "Ġsun", "rise", "Ã", "¤", "▁moon"]
RANDOM = np.random.default_rng(0)
DOCUMENT = np.repeat(np.arange(5, dtype=np.int32), TOKENS // 5)
PART = np.where(DOCUMENT == 0, 0, 2).astype(np.int8)
TEST = np.flatnonzero(PART == 2)
LOSS = (DOCUMENT + RANDOM.random(TOKENS)).astype(np.float32)
TARGET = RANDOM.integers(2, 4, TOKENS).astype(np.int32)
ENTROPY = RANDOM.normal(size=TOKENS).astype(np.float32)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Any]:
    rows = {"document": DOCUMENT, "sequence": DOCUMENT, "position": np.arange(TOKENS) % 600, "part": PART}
    write_columns(tmp_path / "rows.parquet", rows | {"loss": LOSS, "target": TARGET, "target_count": TARGET})
    write_columns(tmp_path / "head.parquet", {"entropy": ENTROPY, "max_probability": -ENTROPY})
    write_columns(tmp_path / "words.parquet", {"argmax": np.full(len(TEST), 3, np.int32)})
    pl.DataFrame({"token": WORDS}).write_parquet(tmp_path / "vocabulary.parquet")
    return {name: str(tmp_path / f"{name}.parquet") for name in ("rows", "head", "words", "vocabulary")}


@pytest.fixture
def figures(make_fair: Make) -> Any:
    return make_fair({"fair_signals/max_probability/high_means_easy": 1.0, "fair_signals/entropy/high_means_easy": 0.0})


def test_tokens_come_with_loss_choice_values_and_percentiles(files: dict[str, Any], figures: Any) -> None:
    view = text_view(figures, files, vocabulary_of(files, of_words=False), "perplexity_1")
    assert dict(view["signals"]) == {"entropy": "entropy", "max_probability": "max probability"}
    assert [len(own) for own in view["documents"]] == [LONGEST] * 4  # from the document of the lowest loss up
    means = [np.mean([token[2] for token in own]) for own in view["documents"]]
    assert means == sorted(means)
    text, first, loss, exit, values, percentiles = view["documents"][0][7]
    row = TEST[7]
    assert text == {2: " sun", 3: "rise"}[int(TARGET[row])]
    assert (first, exit) == ("rise", None)
    assert loss == pytest.approx(LOSS[row], abs=1e-3)
    names = [name for name, _ in view["signals"]]
    at = dict(zip(names, zip(values, percentiles, strict=True), strict=True))
    assert at["entropy"][0] == pytest.approx(ENTROPY[row], rel=1e-3)
    easier = 100 * np.mean(ENTROPY[TEST] < ENTROPY[row])
    assert at["entropy"][1] == pytest.approx(easier, abs=0.6)
    assert at["max_probability"][1] == pytest.approx(easier, abs=0.6)  # high means easy, and it is −entropy


def test_exits_are_those_of_the_best_policy_at_the_point(files: dict[str, Any], figures: Any, tmp_path: Path) -> None:
    kept = TEST[DOCUMENT[TEST] == 3]
    policy = {"kind": "learnt", "signal": "linear_excess", "exits": [1, 2, 3, 6]}
    entry = {"policy": policy, "point": "perplexity_1"}
    write_json(tmp_path / "chosen.json", {"points": [entry | {"point": "perplexity_5"}, entry]})
    write_columns(tmp_path / "true.parquet", {"row": kept, "0/exit": kept % 2, "1/exit": 1 + kept % 3})
    own = files | {"policies": str(tmp_path / "chosen.json"), "true_exits": str(tmp_path / "true.parquet")}
    view = text_view(figures, own, None, "perplexity_1")
    documents = view["documents"]  # those without a true pass stand beside the one that has it, in order of loss
    assert [len(own) for own in documents] == [LONGEST] * 4
    assert [token[3] for token in documents[2]] == [int(1 + row % 3) for row in kept[:LONGEST]]
    assert all(token[3] is None for place in (0, 1, 3) for token in documents[place])
    assert view["layers"] == 6  # the last exit, though nobody here stays as long
    assert documents[2][0][0] == f" {TARGET[kept[0]]}"  # ids where words are not known


def test_a_character_in_two_tokens_stands_at_its_last(files: dict[str, Any], figures: Any) -> None:
    halves = {**pl.read_parquet(files["rows"]).to_dict(as_series=False)}
    halves["target"] = [4 + row % 2 for row in range(TOKENS)]
    write_columns(files["rows"], {name: np.array(own) for name, own in halves.items()})
    view = text_view(figures, files, vocabulary_of(files, of_words=False), "perplexity_1")
    assert [token[0] for token in view["documents"][0][:4]] == ["", "ä", "", "ä"]


def test_words_are_parted_by_blanks(files: dict[str, Any]) -> None:
    words = vocabulary_of(files, of_words=True)
    assert words is not None
    assert words[3] == b" rise"
    assert vocabulary_of({}, of_words=True) is None


def test_pieces_that_are_text_are_not_read_as_bytes(tmp_path: Path) -> None:
    def pieces(*tokens: str) -> Any:
        write_vocabulary(tmp_path / "vocabulary.parquet", tokens)
        return vocabulary_of({"vocabulary": tmp_path / "vocabulary.parquet"}, of_words=False)

    assert pieces("a", "\u2581moon") == [b"a", b" moon"]
    assert pieces("é", "\u2581caf") == ["é".encode(), b" caf"]
    assert pieces("é", "Ġcaf") == [b"\xe9", b" caf"]  # as GPT-2 writes the byte 233


def test_many_documents_are_shown_at_even_distances(files: dict[str, Any], figures: Any) -> None:
    rows = pl.read_parquet(files["rows"])
    document = np.arange(TOKENS) // 10
    loss = (document * 7 % 300).astype(np.float32)  # every mean once
    changed = {"document": document.astype(np.int32), "loss": loss, "part": np.full(TOKENS, 2, np.int8)}
    write_columns(files["rows"], {name: rows[name].to_numpy() for name in rows.columns} | changed)
    write_columns(files["words"], {"argmax": np.full(TOKENS, 3, np.int32)})
    view = text_view(figures, files, None, "perplexity_1")
    assert [own[0][2] for own in view["documents"]] == [37, 112, 187, 262]
