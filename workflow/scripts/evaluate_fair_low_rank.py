"""Measure what each kind of low rank keeps of the exact signals and of the most probable word, on the test tokens."""

from typing import TYPE_CHECKING

from easyhard.atomic import read_json
from easyhard.evaluation.fair_low_rank import fair_low_rank_rows
from easyhard.evaluation.rows import Row, write_rows
from easyhard.job import job
from easyhard.signals.fair import TEST, read_fair_tokens
from easyhard.signals.store import read_columns

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake

EXACT = ("max_probability", "max_logit", "max_minus_mean", "margin", "entropy")


def kind_rows(signals: str, words: str, summary: str) -> list[Row]:
    """Rows of one kind, from its files."""
    tokens = read_fair_tokens(snakemake.input.tokens)
    test, head = tokens.rows(TEST), read_json(snakemake.input.head_summary)
    exact = read_columns(snakemake.input.head, EXACT, rows=len(tokens))
    exact = {name: column[test] for name, column in exact.items()}
    exact["argmax"] = read_columns(snakemake.input.words, ["argmax"], rows=len(test))["argmax"]
    low = {name: column[test] for name, column in read_columns(signals, rows=len(tokens)).items()}
    low |= read_columns(words, rows=len(test))
    kind = next(iter(low)).partition("/")[0]
    costs = {}
    for rank, coverage in read_json(summary)["coverage"].items():
        cost = int(rank) * (head["dim"] + head["words"])
        share = cost / (head["dim"] * head["words"])
        costs[f"{kind}/{rank}"] = {"coverage": coverage, "multiply_adds": cost, "cost_share": share}
    return fair_low_rank_rows(low, exact, costs)


with job(snakemake):
    files = zip(snakemake.input.signals, snakemake.input.low_words, snakemake.input.summaries, strict=True)
    rows = [row for kind in files for row in kind_rows(*kind)]
    write_rows(snakemake.output[0], rows, protocol="fair")
