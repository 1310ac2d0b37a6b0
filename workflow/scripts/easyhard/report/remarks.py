"""What the founding document's figures do not show: a paragraph for each table concerned, with this run's figures."""

from easyhard.report.findings import SIGNIFICANT
from easyhard.report.labels import item_title
from easyhard.report.methods import classifiers
from easyhard.report.metrics import Figures
from easyhard.report.words import compare, listed, measured, mode_places, p_text, plain_ranks, plural, text

SHAPES = {"normal": "a normal", "uniform": "a uniform", "exponential": "an exponential"}


def cohens_d(figures: Figures) -> str:
    """A large Cohen's d after a median split is no evidence of two modes: shapes with one mode or none give as much."""
    ours = figures.value("loss_distribution", "loss", "cohens_d")
    shapes = measured_shapes(figures)
    given = listed([f"{text(figures, 'loss_distribution', 'loss', f'cohens_d_{shape}')} for {SHAPES[shape]}" for shape in shapes])
    as_high = [SHAPES[shape] for shape, value in shapes.items() if ours is not None and value >= ours]
    verdict = (
        f"At least as high a d as the loss's comes from {listed(as_high)} distribution, which has no two modes."
        if as_high
        else "The loss's d is above all of these, but d measures spread and not the number of modes."
    )
    return (
        "**A large Cohen's d is no evidence of two modes.** Cutting any distribution at its median drives the halves apart: Cohen's d is "
        f"{text(figures, 'loss_distribution', 'loss', 'cohens_d')} for the loss, and {given} distribution. {verdict} The shape itself has to be tested."
    )


def measured_shapes(figures: Figures) -> dict[str, float]:
    """Cohen's d of a median split by reference shape."""
    values = {shape: figures.value("loss_distribution", "loss", f"cohens_d_{shape}") for shape in SHAPES}
    return {shape: value for shape, value in values.items() if value is not None}


def modes(figures: Figures) -> str:
    """What the dip test and the kernel density say of the loss's modes, and what the modes are made of."""
    tests = [_dip(figures, item, name) for item, name in (("loss", "the loss"), ("log_loss", "the log of the loss"))]
    places = mode_places(figures)
    parts = [
        f"{place} nats ({text(figures, 'loss_distribution', 'loss', f'mode_{index}_share')} % of the tokens; training never saw the target "
        f"of {text(figures, 'loss_distribution', 'loss', f'mode_{index}_unseen_share')} % of them)"
        for index, place in enumerate(places, start=1)
    ]
    density = f" A kernel density of the loss has {plural(len(parts), 'mode')}: {listed(parts)}." if parts else ""
    return (
        "**The shape, tested.** Hartigan's dip test, on one token a sequence because neighbours are not independent: "
        f"{listed(tests)}.{density}"
    )


def tautology(figures: Figures) -> str:
    """The correct token's probability needs the target, so it is an oracle and no signal."""
    ours, oracle = (text(figures, "separation", item, "loss_diff") for item in ("target_probability", "oracle"))
    return (
        "**This is a tautology, not a result.** The loss is −log p of the correct token, so ordering tokens by one is ordering them by the "
        f"other: Loss Diff {ours} nats against the oracle's {oracle}, {text(figures, 'separation', 'target_probability', 'oracle_share')} %. "
        f"That r is {text(figures, 'separation', 'target_probability', 'pearson')} and not -1 is the logarithm's bend. Whatever needs the "
        "target is an oracle and no signal: at inference the target is not there."
    )


def majority(figures: Figures) -> str:
    """What accuracy and F1 are worth when most tokens belong to one class."""
    share = figures.value("classification", "majority", "prevalence")
    called = "easy" if share is not None and share > 0.5 else "hard"
    accuracy, f1 = (text(figures, "classification", "majority", metric) for metric in ("accuracy", "f1"))
    verdicts = "; ".join(_against_majority(figures, item) for item in classifiers(figures))
    balanced = measured(figures, "classification", classifiers(figures), "balanced_accuracy")
    best = max(balanced, key=balanced.__getitem__, default=None)
    spread = (
        f" The highest balanced accuracy is {text(figures, 'classification', best, 'balanced_accuracy')} % ({item_title(best)}), where the "
        "majority and chance have 50 %."
        if best
        else ""
    )
    return (
        f"**Read against the majority.** Calling every token {called} is right on {accuracy} % and has F1 {f1} for hard. In accuracy, "
        f"{verdicts}.{spread} Accuracy and F1 mostly repeat how rare the smaller class is; balanced accuracy, AUROC and AUPRC do not."
    )


def two_cuts(figures: Figures) -> str:
    """Loss Diff at a classifier's own threshold and at the median are two measures."""
    parts = [
        f"{item_title(item)} calls {text(figures, 'classification', item, 'easy_share')} % easy at 0.5, Loss Diff "
        f"{text(figures, 'classification', item, 'loss_diff')}, and has {text(figures, 'classification', item, 'loss_diff_median')} at the median"
        for item in classifiers(figures)
    ]
    return (
        "**Two cuts, never to be compared.** Loss Diff depends on where one cuts. A classifier's own threshold of 0.5 is another place than "
        f"the median: {'; '.join(parts)}. The founding document's 42 % of the oracle for a classifier is of the first kind; the shares that it "
        "stands beside are of the second."
    )


def low_rank(figures: Figures) -> str:
    """How much of the exact separation plain SVD keeps at its highest rank below full."""
    ranks = plain_ranks(figures)
    rank = f"plain/{ranks[max(len(ranks) - 2, 0)]}"
    share, exact = text(figures, "low_rank", rank, "oracle_share"), text(figures, "separation", "max_minus_mean", "oracle_share")
    return (
        f"At rank {item_title(rank)} the low-rank max − mean has {share} % of the oracle's Loss Diff, the exact one {exact} %. This speaks of "
        "plain SVD alone, which treats all directions of the hidden state alike; it does not show that every low rank fails."
    )


def _dip(figures: Figures, item: str, name: str) -> str:
    p = figures.value("loss_distribution", item, "dip_p_thinned")
    dip = f"dip {text(figures, 'loss_distribution', item, 'dip')}"
    if p is None:
        return f"for {name} too few sequences for a p-value ({dip})"
    return f"for {name} a single mode is {'rejected' if p < SIGNIFICANT else 'not rejected'} ({dip}, {p_text(p)})"


def _against_majority(figures: Figures, item: str) -> str:
    word = compare(figures, "classification", (item, "majority"), "accuracy", ("above", "below", "level with"))
    ours, base = (figures.value("classification", name, "accuracy") for name in (item, "majority"))
    gap = "" if ours is None or base is None or word == "level with" else f"{100 * abs(ours - base):.1f} points "
    return f"{item_title(item)} is {gap}{word} that"
