"""What leaving a model after each of its layers is worth: loss, agreement with the last layer, compute.

Also which layers it could do without, and after how many of them tokens of each kind are settled.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from easyhard.evaluation.columns import Column, Mask, Rows, finite
from easyhard.evaluation.exit_names import LENS, TRANSLATED, exit_item, exit_name
from easyhard.evaluation.ranking import ratio
from easyhard.evaluation.resampling import Estimate, Resamples, draw_resamples, estimate_row, make_clusters
from easyhard.evaluation.rows import Row, make_rows
from easyhard.evaluation.run import Run
from easyhard.evaluation.strata import cut_strata
from easyhard.parquet import read_parquet
from easyhard.signals.exit_labels import exit_labels, prediction_depth
from easyhard.signals.store import column_names, read_columns

SECTION: Final = "exits"
MODEL: Final = "model"
WORD_KINDS: Final = ("punctuation", "word", "number")
BYTE_SPACE: Final = "Ġ"  # how byte pairs write a space


@dataclass
class Head:
    """What the exits of one head say of all tokens, (tokens,) each, by layer, the model's own last layer among them.

    `loss` and `kl`, from the last exit's probabilities, in nats; `argmax` a word's number; `labels` of every exit but
    the last: label → (tokens,).
    """

    loss: dict[int, Column] = field(default_factory=dict)
    argmax: dict[int, Column] = field(default_factory=dict)
    kl: dict[int, Column] = field(default_factory=dict)
    labels: dict[int, dict[str, Mask]] = field(default_factory=dict)


class Totals:
    """Sums over test tokens: over all of them and over each resample of their clusters."""

    def __init__(self, resamples: Resamples, tokens: Rows | None = None) -> None:
        """Of all test tokens, or of these, numbers among them."""
        index, self.clusters = resamples.clusters.index, resamples.clusters.count
        self._index = index if tokens is None else index[tokens]
        self._weights = np.column_stack([np.ones(self.clusters), resamples.weights])

    def __call__(self, values: NDArray[Any]) -> Column:
        """Return the sums of values (tokens,): (1 + resamples,), that of all tokens first."""
        sums = np.bincount(self._index, weights=values, minlength=self.clusters)
        return np.einsum("c,cs->s", sums, self._weights)  # in the same order for any number of threads

    def mean(self, values: NDArray[Any], of: Mask | None = None) -> Estimate:
        """Return the mean of values (tokens,), of all tokens or those of a mask; NaN of none."""
        chosen = np.ones(len(values)) if of is None else of
        return share(self(values * chosen), self(chosen))


def share(part: Column, whole: Column) -> Estimate:
    """Return part / whole of sums as `Totals` gives them, NaN where the whole is 0."""
    return ratio(part, whole)


def read_heads(run: Run) -> dict[str, Head]:
    """Return what the exits of each head say, LENS first, with what one may want of them.

    Raises InputError naming a damaged file or a value that is not finite.
    """
    tokens, table = len(run.documents.tokens), "exit_outcomes"
    heads = {LENS: Head()}
    for column, values in run.columns(table, column_names(run.files[table]), tokens).items():
        layer, head, name = exit_name(column)
        getattr(heads.setdefault(head, Head()), name)[layer] = values
    target = run.columns("rows", ["target"], tokens)["target"]
    last = max(heads[LENS].loss)
    for own in heads.values():
        for name in ("loss", "argmax", "kl"):
            getattr(own, name)[last] = getattr(heads[LENS], name)[last]
        own.labels = exit_labels(own.loss, own.argmax, target, run.settings["near"])
    return heads


def exit_rows(run: Run, heads: Mapping[str, Head]) -> list[Row]:
    """Return section `exits`, all on test tokens.

    Items `layer` and `layer/head`: mean_loss (nats) and its exponential, perplexity, whose interval is that of the mean
    loss; agreement, the share of tokens whose most probable word is the last layer's; mean_excess (nats), the loss less
    the last layer's; kl (nats); stays, the share that agrees here and at every later exit, and the whole model's mean
    loss (nats) of these and of the others; <label>_share, how often each label holds; multiply_adds a token, of the
    layers, of a translation of the state and of one pass of the head, and compute_share, that over the whole model's.

    Item `model`: layers_per_head_pass, how many layers a pass over the vocabulary costs as much as, what that rests on,
    and near, in nats. Then what `left_out_rows` and `depth_rows` give.
    """
    summary, dim = run.json("exits_summary"), run.json("fitted")["dim"]
    layer_costs, head_cost = summary["layers"], summary["head"]
    layer_cost, whole = sum(layer_costs) / len(layer_costs), sum(layer_costs) + head_cost
    figures = {"layers": len(layer_costs), "layer_multiply_adds": layer_cost, "head_multiply_adds": head_cost}
    figures |= {"near": run.settings["near"]}
    rows = make_rows(SECTION, MODEL, figures | {"layers_per_head_pass": head_cost / layer_cost})
    totals, last = Totals(run.documents.resamples), max(heads[LENS].loss)
    for name, head in heads.items():
        for layer in sorted(head.loss):
            if layer == last and name != LENS:
                continue
            item = exit_item(layer, name)
            cost = sum(layer_costs[:layer]) + head_cost + (dim**2 if name == TRANSLATED else 0)
            rows += _outcome_rows(item, head, layer, run.documents.test, totals)
            rows += make_rows(SECTION, item, {"multiply_adds": cost, "compute_share": cost / whole})
    return rows + left_out_rows(run) + depth_rows(run, heads[LENS])


def _outcome_rows(item: str, head: Head, layer: int, test: Rows, totals: Totals) -> list[Row]:
    last = max(head.loss)
    loss, whole = head.loss[layer][test], head.loss[last][test]
    agrees = head.argmax[layer][test] == head.argmax[last][test]
    labels = {label: mask[test] for label, mask in head.labels.get(layer, {}).items()}
    stays = labels.get("stays", agrees)
    figures = {
        "mean_loss": totals.mean(loss),
        "agreement": totals.mean(agrees),
        "mean_excess": totals.mean(loss - whole),
        "kl": totals.mean(head.kl[layer][test]),
        "stays": totals.mean(stays),
        "mean_loss_stays": totals.mean(whole, stays),
        "mean_loss_other": totals.mean(whole, ~stays),
        **{f"{label}_share": totals.mean(mask) for label, mask in labels.items()},
    }
    rows = [estimate_row(SECTION, item, name, found, totals.clusters) for name, found in figures.items()]
    return [_perplexity(item, "perplexity", rows[0]), *rows]


def left_out_rows(run: Run) -> list[Row]:
    """Return what leaving out each layer alone does, section `exits`, on the test tokens that it was tried on.

    They are some documents of the test part, so they have resamples of their own.

    Items `layer`: left_out_perplexity, and left_out_excess (nats), the mean loss less the whole model's; influence, 1 −
    the cosine of the states before and after the layer, the block influence of ShortGPT, Men et al., arXiv:2403.03853.
    Item `model`: left_out_perplexity, of the whole model on these tokens, and left_out_tokens.
    """
    if "exit_left_out" not in run.files:
        return []
    found = {name: finite(name, values) for name, values in read_columns(run.files["exit_left_out"]).items()}
    own, whole, tokens = found.pop("row").astype(np.int64), found.pop("loss"), run.documents.tokens
    clusters = make_clusters(tokens.document[own], tokens.sequence[own])
    totals = Totals(draw_resamples(clusters, run.settings["fair"]["resamples"], run.settings["seed"]))

    def row(item: str, metric: str, values: Column) -> Row:
        return estimate_row(SECTION, item, metric, totals.mean(values), totals.clusters)

    rows = [_perplexity(MODEL, "left_out_perplexity", row(MODEL, "mean_loss", whole))]
    rows += make_rows(SECTION, MODEL, {"left_out_tokens": len(whole)})
    for column, values in found.items():
        layer, _, name = exit_name(column)
        if name == "loss":
            rows.append(_perplexity(str(layer), "left_out_perplexity", row(str(layer), "mean_loss", values)))
            rows.append(row(str(layer), "left_out_excess", values - whole))
        else:
            rows.append(row(str(layer), name, values))
    return rows


def depth_rows(run: Run, head: Head) -> list[Row]:
    """Return items `depth/kind`, section `exits`: mean_depth, in layers, and share, of the test tokens of that kind.

    Depth is the first exit from which on the most probable word is the last layer's (arXiv:2106.09647).
    """
    test = run.documents.test
    depth = prediction_depth(head.argmax)[test]
    rows = []
    for kind, own in token_kinds(run).items():
        totals, item = Totals(run.documents.resamples, own), f"depth/{kind}"
        rows.append(estimate_row(SECTION, item, "mean_depth", totals.mean(depth[own]), totals.clusters))
        rows += make_rows(SECTION, item, {"share": len(own) / len(test)})
    return rows


@lru_cache(maxsize=1)
def token_kinds(run: Run) -> dict[str, Rows]:
    """Return the test tokens of each kind that has some, numbers among them, ascending.

    Kinds: all; frequency_…, how often training saw the target; position_…, in the window; and, where token texts are
    known, whether the current token has a digit (number), else a letter (word), else neither (punctuation).
    """
    tokens, test = run.documents.tokens, run.documents.test
    kinds = {"all": np.arange(len(test))}
    for trait, values in (("frequency", tokens.target_count[test]), ("position", tokens.position[test])):
        if values.min() >= 0:
            kinds |= {f"{trait}_{name}": own for name, own in cut_strata(trait, values.astype(np.int64)).items()}
    if "vocabulary" in run.files:
        current = run.columns("rows", ["token"], len(tokens), test)["token"].astype(np.int64)
        texts = read_parquet(run.files["vocabulary"], ["token"]).column("token").to_pylist()
        of_token = word_kinds(texts)[current]
        kinds |= {name: np.flatnonzero(of_token == code) for code, name in enumerate(WORD_KINDS)}
    return {kind: own for kind, own in kinds.items() if len(own)}


def word_kinds(texts: Sequence[str]) -> NDArray[np.int8]:
    """Return for each token's text its place in WORD_KINDS, (texts,); byte pairs are read as the text they stand for.

    >>> [WORD_KINDS[kind] for kind in word_kinds(["1990s", "(", "Ġthe", "@-@"])]
    ['number', 'punctuation', 'word', 'punctuation']
    """
    if any(text.startswith(BYTE_SPACE) for text in texts):
        from tokenizers.decoders import ByteLevel  # few runs come here

        decoder = ByteLevel()
        texts = [decoder.decode([text]) for text in texts]
    digits, letters = ([any(map(kind, text)) for text in texts] for kind in (str.isnumeric, str.isalpha))
    return np.where(digits, 2, np.where(letters, 1, 0)).astype(np.int8)


def _perplexity(item: str, metric: str, loss: Row) -> Row:
    """The perplexity of a mean loss; its interval is the mean loss's."""
    value, low, high = (None if end is None else float(np.exp(end)) for end in (loss.value, loss.ci_low, loss.ci_high))
    return Row(SECTION, item, metric, value, low, high)
