"""The founding author's exits: what became of a LEGO trained block by block, and which tokens are saturated."""

import math
from typing import Final

import numpy as np

from easyhard.evaluation.columns import finite
from easyhard.evaluation.drawn import Drawn
from easyhard.evaluation.exit_names import LENS
from easyhard.evaluation.exit_signals import PROBES, ExitJudge
from easyhard.evaluation.exits import Totals, read_heads, share
from easyhard.evaluation.resampling import combine_seeds, estimate_row
from easyhard.evaluation.rows import Row, make_rows
from easyhard.evaluation.run import Run
from easyhard.signals.tokens import stored_signals

SECTION: Final = "founding_exits"
SATURATION: Final = "saturation"
LABELS: Final = ("distill", "loss", "softmax")
SATURATED: Final = "agrees"
"""The label of an exit that the author calls saturation."""

SIGNALS: Final = {"mlp": "mlp_agrees", "mlp_change": "mlp_change_agrees", "cosine": "state_cosine"}
"""The signals of saturation that were published, by what they are called here."""


def founding_exit_rows(run: Run) -> list[Row]:
    """Return section `founding_exits` of a LEGO that was trained one block after another; nothing of another model.

    An item of each of LABELS, what an exit classifier may learn. That of the run's setting has the figures that
    `train_blocks` has left, perplexities and shares, on the validation sequences but for those held out of training.
    Those of the others are undefined: they are there so that what was published of them stands beside.
    """
    own = run.json("model").get("exits")
    if own is None:
        return []
    items = {
        label: own["figures"] if label == own["label"] else dict.fromkeys(own["figures"], math.nan) for label in LABELS
    }
    return [row for label, figures in items.items() for row in make_rows(SECTION, label, figures)]


def saturation_rows(run: Run) -> list[Row]:
    """Return section `saturation` of a LEGO trained on its last layer alone that has every layer as an exit, all on
    test tokens; nothing of another model.

    Items `layers_dim/layer`, of every layer but the last. A token is saturated, as the author has it, where its most
    probable word is the last layer's, whatever layers between say: agreement, their share; f1_always, the F1 of calling
    every token so; the whole model's mean loss (nats) of these, mean_loss_agrees, and of the others, mean_loss_other.
    Of each of SIGNALS, saturated tokens being positive, as `ExitJudge` has them, f1_<signal>, cut where it is highest
    on select, f1_gain_<signal>, that less f1_always, auroc_<signal> and auprc_<signal>: undefined for a probe that
    could not be fitted.
    """
    if not {"model", "exit_outcomes"} <= set(run.files) or run.settings["trained_on"] != "last":
        return []
    exits, documents = read_heads(run)[LENS], run.documents
    *layers, last = sorted(exits.loss)
    if layers != list(range(1, last)) or run.sizes is None:
        return []
    tables = [run.files[table] for table in ("exit_signals", PROBES) if table in run.files]
    signals = {signal.name: signal for signal in stored_signals(tables)}
    totals, drawn, loss = Totals(documents.resamples), Drawn(documents.resamples), exits.loss[last][documents.test]
    everything = totals(np.ones(len(loss)))
    rows = []
    for layer in layers:
        label = exits.labels[layer][SATURATED]
        saturated, judge = label[documents.test], ExitJudge({SATURATED: label}, documents, drawn)
        positives = totals(saturated)
        figures = {
            "agreement": share(positives, everything),
            "f1_always": share(2 * positives, everything + positives),
            "mean_loss_agrees": totals.mean(loss, saturated),
            "mean_loss_other": totals.mean(loss, ~saturated),
        }
        for name, column in SIGNALS.items():
            signal = signals.get(f"{layer}/{column}")
            columns = [finite(signal.name, own) for own in signal.read(len(documents.tokens))] if signal else []
            judged = [judge.measure(values, high_means_easy=True) for values in columns]
            found = combine_seeds(judged, documents.resamples) if judged else {}
            for metric in ("f1", "f1_gain", "auroc", "auprc"):
                figures[f"{metric}_{name}"] = found.get(f"{metric}_{SATURATED}", np.full_like(everything, np.nan))
        item, count = f"{last}_{run.sizes.dim}/{layer}", documents.resamples.clusters.count
        rows += [estimate_row(SATURATION, item, metric, figure, count) for metric, figure in figures.items()]
    return rows
