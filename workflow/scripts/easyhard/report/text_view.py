"""The text itself: stretches of test documents, and what is known of each of their tokens, for the page."""

import codecs
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from easyhard.atomic import read_json
from easyhard.report.advice import budgets, recommended
from easyhard.report.items import class_best, main_label
from easyhard.report.metrics import Figures
from easyhard.report.policies import chosen
from easyhard.report.words import signal_title
from easyhard.signals.store import read_columns
from easyhard.signals.tokens import TEST, stored_signals

TABLES = ("own", "head", "hidden", "context", "probes", "stacks", "low_rank")
WELL_KNOWN = ("max_probability", "entropy", "margin", "previous_loss")
DOCUMENTS, LONGEST, MOST = 4, 500, 12
"""Documents, tokens of each, and signals."""

Vocabulary = Sequence[bytes]
"""The bytes of each id, a word's with the blank before it."""


def text_view(fair: Figures, files: Mapping[str, Any], vocabulary: Vocabulary | None, point: str) -> dict[str, Any]:
    """What the page shows: `signals`, a name and a title each, and `documents`, a list of tokens each.

    A token is [text, first choice or null, loss (nats), exit or null, the signals' values, their percentiles]: text is
    the target's, and percentiles count the test tokens that the signal calls easier. `files` are the tables that the
    figures are measured on; ids stand for words without a `vocabulary`. The exits are those at which the run's best
    policy lets tokens leave at `point`, where true passes were made, and `layers` is the last of them, 0 without.
    Raises InputError naming a damaged file.
    """
    rows = read_columns(files["rows"], ["document", "target", "loss", "part"])
    test = np.flatnonzero(rows["part"] == TEST)
    exits, last = _exits(fair, files, point)
    shown = _stretches(rows["document"][test], rows["loss"][test], np.isin(test, list(exits)))
    names = _names(fair)
    held = {signal.name: signal for signal in stored_signals([files[table] for table in TABLES if table in files])}
    columns = {name: np.mean(held[name].read(len(rows["part"])), axis=0)[test] for name in names if name in held}
    easier = {name: _percentiles(fair, name, values, shown) for name, values in columns.items()}
    choices = read_columns(files["words"], ["argmax"], rows=len(test))["argmax"] if "words" in files else None
    documents = []
    for stretch in shown:
        texts = _texts(rows["target"][test][stretch], vocabulary)
        firsts = None if choices is None else [_texts([choice], vocabulary)[0] for choice in choices[stretch]]
        documents.append([
            [
                texts[place],
                firsts and firsts[place],
                round(float(rows["loss"][test[row]]), 3),
                exits.get(int(test[row])),
                [float(f"{values[row]:.4g}") for values in columns.values()],
                [int(own[row]) for own in easier.values()],
            ]
            for place, row in enumerate(stretch)
        ])  # fmt: skip
    return {"signals": [[name, signal_title(name)] for name in columns], "documents": documents, "layers": last}


def vocabulary_of(files: Mapping[str, Any], *, of_words: bool) -> Vocabulary | None:
    """The bytes of each id, of whole words or of pieces, where the run's vocabulary is known."""
    if "vocabulary" not in files:
        return None
    types = pl.read_parquet(files["vocabulary"])["token"].to_list()
    return [f" {own}".encode() for own in types] if of_words else _pieces(types)


def _names(fair: Figures) -> list[str]:
    """The signals shown: the recommended one, the best of each budget and class, and some that everybody knows."""
    found = [recommended(fair, main_label(fair)), *budgets(fair).values(), *class_best(fair).values(), *WELL_KNOWN]
    return list(dict.fromkeys(name for name in found if name))[:MOST]


def _exits(fair: Figures, files: Mapping[str, Any], point: str) -> tuple[dict[int, int], int]:
    """At which layer the best policy lets rows leave, of those that a true pass was made over; and its last layer."""
    best = chosen(fair).get("best") if fair.has_section("policies") else None
    if best is None or not {"policies", "true_exits"} <= set(files):
        return {}, 0
    entries = read_json(files["policies"])["points"]
    for number, entry in enumerate(entries):
        policy = entry["policy"]
        if (f"{policy['kind']}/{policy['signal']}", entry["point"]) == (best, point):
            found = read_columns(files["true_exits"], ["row", f"{number}/exit"])
            exits = dict(zip(found["row"].tolist(), found[f"{number}/exit"].tolist(), strict=True))
            return exits, max(policy["exits"])
    return {}, 0


def _stretches(document: NDArray[Any], loss: NDArray[Any], wanted: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """The beginnings of documents from low to high mean loss: of those with `wanted` rows, then of others."""
    names, place, tokens = np.unique(document, return_inverse=True, return_counts=True)
    ranked = names[np.argsort(np.bincount(place, loss) / tokens, kind="stable")].tolist()
    known = set(document[wanted].tolist())
    picked = _spread([own for own in ranked if own in known], DOCUMENTS)
    picked += _spread([own for own in ranked if own not in known], DOCUMENTS - len(picked))
    return [np.flatnonzero(document == own)[:LONGEST] for own in ranked if own in picked]


def _spread(ranked: Sequence[int], number: int) -> list[int]:
    """So many at most, at even distances."""
    number = min(number, len(ranked))
    return [ranked[(2 * own + 1) * len(ranked) // (2 * number)] for own in range(number)]


def _percentiles(fair: Figures, name: str, values: NDArray[Any], shown: list[NDArray[np.int64]]) -> dict[int, int]:
    """Of every shown row the share of test tokens that the signal calls easier, in percent."""
    sign = -1.0 if fair.get("fair_signals", name, "high_means_easy").value == 1 else 1.0
    hardness = sign * values.astype(np.float64)
    ordered = np.sort(hardness)
    rows = np.concatenate(shown) if shown else np.array([], np.int64)
    share = 100 * np.searchsorted(ordered, hardness[rows]) / max(1, len(ordered))
    return dict(zip(rows.tolist(), share.round().astype(int).tolist(), strict=True))


def _texts(ids: Sequence[int] | NDArray[Any], vocabulary: Vocabulary | None) -> list[str]:
    """The text of each token: a character in several tokens stands at its last; an id where it is not known."""
    if vocabulary is None:
        return [f" {own}" for own in ids]
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    return [decode(vocabulary[own]) if 0 <= own < len(vocabulary) else f" {own}" for own in ids]


def _pieces(tokens: Sequence[str]) -> list[bytes]:
    """The bytes of byte-level pieces, as GPT-2 writes them, where one has its blank; else the text, `▁` a blank.

    Byte-level pieces that are none, as special ones may be, are text too.
    """
    levelled = any(BLANK in own for own in tokens)
    return [
        bytes(BYTES[one] for one in own)
        if levelled and all(one in BYTES for one in own)
        else own.replace("\u2581", " ").encode()
        for own in tokens
    ]


def _byte_alphabet() -> dict[str, int]:
    """Which character stands for each byte: itself where it is printed, else the next one from 256 on."""
    printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printed]
    return {chr(own): own for own in printed} | {chr(256 + place): byte for place, byte in enumerate(others)}


BLANK = "\u0120"
BYTES = _byte_alphabet()
