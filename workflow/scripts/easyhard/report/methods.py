"""The final comparison: which methods stand side by side, at which cut."""

from dataclasses import dataclass

from easyhard.report.labels import TARGET_SIGNALS, item_title
from easyhard.report.metrics import Figure, Figures

TARGET, LOGITS, TRAINED = "sees the target", "from the logits", "trained on hidden states"


@dataclass(frozen=True)
class Method:
    """One method's Loss Diff (nats) at one cut.

    `sees` is TARGET, LOGITS or TRAINED: what the method is made from; `easy_share` (0..1) is what it calls easy.
    """

    title: str
    sees: str
    loss_diff: Figure
    easy_share: float | None = None

    @property
    def value(self) -> float:
        """This run's Loss Diff in nats; minus infinity where it is null, so that it sorts last."""
        return float("-inf") if self.loss_diff.value is None else self.loss_diff.value


def median_cut(figures: Figures) -> list[Method]:
    """Every method cut at the median of its score, the largest Loss Diff first."""
    found = [
        Method(item_title(item), _sees(item), figures.figure("separation", item, "loss_diff"))
        for item in figures.items("separation")
    ]
    probes = [("regression", item, "loss_diff") for item in figures.items("regression")]
    probes += [("classification", item, "loss_diff_median") for item in classifiers(figures)]
    found += [
        Method(_probe(section, item), TRAINED, figures.figure(section, item, name)) for section, item, name in probes
    ]
    return sorted(found, key=lambda method: method.value, reverse=True)


def own_cut(figures: Figures) -> list[Method]:
    """The classifiers cut at their own threshold, the largest Loss Diff first."""
    found = [_own("exit classifier", figures, ("separation", "exit_classifier"), "_at_threshold")]
    found += [
        _own(_probe("classification", item), figures, ("classification", item), "") for item in classifiers(figures)
    ]
    return sorted(found, key=lambda method: method.value, reverse=True)


def classifiers(figures: Figures) -> list[str]:
    """The trained classifiers of easy tokens, without the majority's row."""
    return [item for item in figures.items("classification") if item != "majority"]


def _own(title: str, figures: Figures, place: tuple[str, str], suffix: str) -> Method:
    loss_diff = figures.figure(*place, f"loss_diff{suffix}")
    return Method(title, TRAINED, loss_diff, figures.value(*place, f"easy_share{suffix}"))


def _sees(item: str) -> str:
    if item in TARGET_SIGNALS:
        return TARGET
    return TRAINED if item == "exit_classifier" else LOGITS


def _probe(section: str, item: str) -> str:
    """The model and its task: `MLP-2 regression`, `MLP-2 classifier`."""
    return f"{item_title(item)} {'classifier' if section == 'classification' else section}"
