"""All measures, as one table: what each protocol computes of a run."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Final

import numpy as np
import polars as pl

from easyhard.atomic import read_json
from easyhard.evaluation.all_rows import PROTOCOL, own_loss_rows, own_signal_rows
from easyhard.evaluation.bits import UNITS, bits_rows
from easyhard.evaluation.ceilings import calibration_rows, ceiling_rows
from easyhard.evaluation.chance import (
    chance_rows,
    exit_chance_rows,
    first_choice_rows,
    prediction_rows,
    random_split_rows,
)
from easyhard.evaluation.columns import Column, Mask, finite, label_name
from easyhard.evaluation.exit_names import exit_item
from easyhard.evaluation.exit_signals import exit_signal_rows
from easyhard.evaluation.exits import exit_rows, read_heads
from easyhard.evaluation.founding_exits import founding_exit_rows, saturation_rows
from easyhard.evaluation.judging import judged_rows
from easyhard.evaluation.leaks import causality_rows, leak_rows
from easyhard.evaluation.loss_distribution import describe_loss, shape_rows
from easyhard.evaluation.low_rank import low_rank_rows
from easyhard.evaluation.policies import policy_rows
from easyhard.evaluation.probes import classification_rows, correlation_figures, regression_figures
from easyhard.evaluation.resampling import combine_seeds, estimate_row
from easyhard.evaluation.rows import Row, make_rows, rows_table
from easyhard.evaluation.run import Run
from easyhard.evaluation.separation import exit_threshold_rows, high_confidence_rows, separation_rows, threshold_rows
from easyhard.signals.areas import clusters_of
from easyhard.signals.parts import WHOLE
from easyhard.signals.store import column_names, read_columns, shard_files
from easyhard.signals.tokens import stored_signals
from easyhard.tokens.sequences import unseen_targets
from easyhard.tokens.store import read_stream

CONFIDENCES: Final = ("max_probability", "max_logit", "max_minus_mean", "margin")
KEPT: Final = (*CONFIDENCES, "entropy")
"""The metrics of the logits that low ranks are held to."""


def judged(run: Run) -> list[Row]:
    """Every signal of the documents, judged on the test documents."""
    label = run.documents.main
    ceiling = next((row.value for row in ceilings(run) if (row.item, row.metric) == (label, "auroc")), None)
    candidates, advice = list(run.candidates()), run.settings["advice"]
    return judged_rows(run.documents, candidates, run.sizes, run.whole_model, ceiling, advice, run.threads)


def read(run: Run) -> list[Row]:
    """How many rows a run from elsewhere has read, and how many of them, padding or without a target, it left out; and
    whether sequences stand in for documents, because there are too few to part or nobody has told them."""
    said = run.json("imported")
    figures = {"rows_read": said["rows"], "rows_left_out": said["left_out"]} if said else {}
    stand_in = WHOLE in column_names(run.files["rows"]) or not said.get("documents_known", True)
    return make_rows("fair_data", "clusters", figures | {"sequences_stand_in": stand_in})


def bits(run: Run) -> list[Row]:
    """The loss in bits per byte and character of the text, where it is known what each token stands for."""
    if not set(UNITS) <= set(column_names(run.files["rows"])):
        return []
    documents = run.documents
    sizes = run.columns("rows", list(UNITS), len(documents.tokens))
    return bits_rows(documents.tokens.loss, sizes, documents.test, documents.resamples)


def chance(run: Run) -> list[Row]:
    """What signals that know nothing get."""
    rows = chance_rows(run.documents, len(run.signals), run.settings["seed"])
    if "words" in run.files:
        rows += first_choice_rows(run.columns("words", ["argmax"], len(run.documents.test))["argmax"].astype(np.int64))
    return rows


def shape(run: Run) -> list[Row]:
    """The shape of the test losses, with and without targets that training never saw."""
    test = run.documents.test
    seen = run.documents.tokens.target_count[test] > 0
    return shape_rows(run.documents.loss, run.documents.tokens.sequence[test], seen, seed=run.settings["seed"])


@lru_cache(maxsize=1)
def ceilings(run: Run) -> list[Row]:
    """How far a signal without the target can get on this model, and how well the model is calibrated."""
    if "words" not in run.files:
        return []
    documents, test, known = run.documents, run.documents.test, column_names(run.files["head"])
    draws = [name for name in column_names(run.files["words"]) if name.startswith("draw_")]
    tails = {label_name(threshold): f"tail_mass_{threshold:g}" for threshold in run.settings["fair"]["thresholds"]}
    tails = {label: name for label, name in tails.items() if name in known and label in documents.labels}
    head = run.columns("head", (*tails.values(), "entropy"), len(documents.tokens), test)
    drawn = run.columns("words", draws, len(test))
    masses = {label: head[name] for label, name in tails.items()}
    places = documents.tokens.document[test], documents.tokens.sequence[test]
    rows = ceiling_rows(masses, documents.thresholds, head["entropy"], list(drawn.values()), clusters_of(*places))
    temperature = run.json("fitted")["temperature"]
    if temperature is None or documents.argmax_wrong is None:  # targets are not known
        return rows
    head = run.columns(
        "head", ("max_probability", "scaled_max_probability", "scaled_loss"), len(documents.tokens), test
    )
    models = {
        "model": (1.0, head["max_probability"], documents.loss),
        "temperature": (temperature, head["scaled_max_probability"], head["scaled_loss"]),
    }
    return rows + calibration_rows(models, ~documents.argmax_wrong[test])


def low_rank_of_documents(run: Run) -> list[Row]:
    """What each low rank keeps of the logits' metrics and of the most probable word on the test documents."""
    if run.sizes is None:
        return []
    test, words, dim = run.documents.test, run.sizes.words, run.sizes.dim
    costs = {}
    for item, coverage in run.json("low_rank_summary")["coverage"].items():
        cost = int(item.rpartition("/")[2]) * (dim + words)
        costs[item] = {"coverage": coverage, "multiply_adds": cost, "cost_share": cost / (dim * words)}

    def read(item: str) -> dict[str, Column]:
        said = run.under(item, "low_rank_words", len(test))
        return run.under(item, "low_rank", len(run.documents.tokens), test) | said

    exact = run.columns("head", KEPT, len(run.documents.tokens), test) | run.columns("words", ["argmax"], len(test))
    return low_rank_rows("fair_low_rank", costs, read, exact)


def learning(run: Run) -> list[Row]:
    """Would more data help? The AUROC of probes that were fitted on a share of the fit documents."""
    if "held_out" not in run.files:
        return []
    documents, label, prefix = run.documents, run.documents.main, "learning/"
    judge, sizes = documents.judge(label), run.json("probes_summary")["learning"]
    rows = []
    for signal in stored_signals([run.files["held_out"]]):
        if signal.name.startswith(prefix):
            item = signal.name.removeprefix(prefix)
            used, fitted = sizes[item]
            easy = [finite(item, values[documents.test]) for values in signal.read(len(documents.tokens))]
            auroc = combine_seeds([judge.measure(-values) for values in easy], documents.resamples)[f"auroc_{label}"]
            rows += make_rows("fair_learning", item, {"tokens": used, "documents": fitted})
            rows.append(estimate_row("fair_learning", item, "auroc", auroc, documents.resamples.clusters.count))
    return rows


def stacks(run: Run) -> list[Row]:
    """How each stack was grown, and which signals it rests on."""
    rows = []
    for stack, grown in run.json("stacks_summary").get("stacks", {}).items():
        figures = {name: grown[name] for name in ("learning_rate", "leaves", "comparisons")}
        figures |= {f"importance_{name}": mean for name, (mean, _) in grown["importance"].items()}
        figures |= {f"importance_{name}_std": std for name, (_, std) in grown["importance"].items()}
        rows += make_rows("fair_stacks", stack, figures)
    return rows


def exits(run: Run) -> list[Row]:
    """What leaving after each layer is worth, which signal tells best whether a token may, and where it may stop."""
    if "exit_outcomes" not in run.files:
        return []
    heads, test = read_heads(run), run.documents.test
    chances = [
        exit_chance_rows(exit_item(layer, name), {label: mask[test] for label, mask in labels.items()})
        for name, head in heads.items()
        for layer, labels in head.labels.items()
    ]
    return [*chain(*chances), *exit_rows(run, heads), *exit_signal_rows(run, heads), *policy_rows(run, heads)]


def model(run: Run) -> list[Row]:
    """The language model and its corpus."""
    numbers = {name: value for name, value in run.json("model").items() if isinstance(value, int | float)}
    vocabulary = {"vocabulary_size": run.json("tokens")["vocabulary_size"]}
    return make_rows("model", "language_model", vocabulary | numbers)


def loss(run: Run) -> list[Row]:
    """The distribution of the validation losses."""
    found, vocabulary = run.validation, run.json("tokens")["vocabulary_size"]
    stream = read_stream(str(run.files["train"])).token
    unseen = unseen_targets(found["target"], stream, vocabulary, run.settings["sequences"])
    return describe_loss(found["loss"], found["sequence"], unseen, seed=run.settings["seed"])


def separated(run: Run) -> list[Row]:
    """How each founding signal separates easy from hard tokens, on all tokens and among confident ones."""
    known = run.validation["loss"]
    held = run.columns("published_head", ("target_probability", *KEPT), len(known))
    held |= run.columns("exit_classifier", ["exit_classifier"], len(known))
    return [
        *separation_rows(held, known),
        *exit_threshold_rows(held["exit_classifier"], known, run.json("exit_summary")["threshold"]),
        *threshold_rows(held["target_probability"], known),
        *high_confidence_rows({name: held[name] for name in CONFIDENCES}, known),
        *random_split_rows(),
    ]


def probes(run: Run) -> list[Row]:
    """The founding probes, each on its own test tokens, where it says something."""
    table, known = run.files["published_probes"], run.validation["loss"]
    said: dict[str, dict[str, tuple[Column, Mask]]] = {"regression": {}, "classification": {}, "metric": {}}
    for column in column_names(table):
        kind, _, name = column.partition("/")
        values = read_columns(table, [column], rows=len(known))[column]
        test = ~np.isnan(values)
        said[kind][name] = values[test].astype(np.float64), test
    rows = []
    for name, (predicted, test) in said["regression"].items():
        rows += make_rows("regression", name, regression_figures(predicted, known[test]))
        rows += prediction_rows(known[test]) if name == "linear" else []
    easy = {name: probability for name, (probability, _) in said["classification"].items()}
    judged_on = next(test for _, test in said["classification"].values())  # one and the same for all
    rows += classification_rows(easy, known[judged_on], run.settings["loss_probes"]["easy_threshold"])
    for name, (predicted, test) in said["metric"].items():
        true = run.columns("published_head", [name], len(known), test)[name]
        rows += make_rows("metric_prediction", name, correlation_figures(true, predicted))
    return rows


def low_rank_of_validation(run: Run) -> list[Row]:
    """What each low rank keeps of the logits' metrics and of their separation on the validation tokens."""
    known = run.validation["loss"]
    first, *others = (read_json(path) for path in shard_files(run.files["published_low_rank_summary"]))
    costs = {}
    for item in first["coverage"]:
        costs[item] = {name: first[name][item] for name in ("coverage", "logits_pearson", "seconds")}
        costs[item]["seconds"] += sum(shard["seconds"][item] for shard in others)

    def read(item: str) -> dict[str, Column]:
        return run.under(item, "published_low_rank", len(known))

    return low_rank_rows("low_rank", costs, read, run.columns("published_head", KEPT, len(known)), known)


MEASURES: Final[Mapping[str, Sequence[Callable[[Run], list[Row]]]]] = {
    "fair": (
        *(judged, chance, leak_rows, causality_rows, read, bits, shape),
        *(ceilings, low_rank_of_documents, learning, stacks),
        *(exits, founding_exit_rows, saturation_rows),
    ),
    "published": (model, loss, separated, probes, low_rank_of_validation),
}
OF_BROUGHT: Final[Mapping[str, Sequence[Callable[[Run], list[Row]]]]] = {PROTOCOL: (own_loss_rows, own_signal_rows)}
"""What is said of all rows of a run from elsewhere, beside the protocols that it has."""
BROUGHT: Final = ("activations", "signals")


def evaluate(run: Run) -> pl.DataFrame:
    """All figures of a run, of the protocols that it has and, of one from elsewhere, of all rows; the columns are those
    of `ROW_SCHEMA`."""
    wanted = {protocol: own for protocol, own in MEASURES.items() if protocol in run.settings["protocols"]}
    if run.settings["kind"] in BROUGHT:
        wanted |= OF_BROUGHT
    return rows_table({protocol: [row for measure in own for row in measure(run)] for protocol, own in wanted.items()})
