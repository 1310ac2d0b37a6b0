"""What is known of leaks: signals that were caught, how, and whether states can have seen what comes after them."""

from typing import Final

from easyhard.evaluation.rows import Row, make_rows
from easyhard.evaluation.run import Run
from easyhard.signals.leaks import BOUNDS, BOUNDS_SURPRISING, ROOM

LEAKS: Final = "leaks"
SEARCH: Final = "leak_search"
CAUSALITY: Final = "causality"


def leak_rows(run: Run) -> list[Row]:
    """Return section `leaks`: an item a signal that was caught, with each measure of `LeakTest.examine` and
    reason_<measure>, 1 for each that exceeds its bound, reason_above_ceiling among them; and `leak_search`, item
    `signals`: how many were examined and caught, and how many are oracles, on how many tokens, bound_<measure>, and
    room, the part of the way from the ceiling to 1 that an AUROC may go.
    """
    rows: list[Row] = []
    for name, evidence in run.caught.items():
        reasons = {f"reason_{reason}": 1.0 for reason in evidence["reasons"]}
        rows += make_rows(LEAKS, name, evidence["figures"] | reasons)
    oracles = sum(description.needs == "target" for description in run.descriptions.values())
    counts = {"examined": len(run.signals) - oracles, "caught": len(run.caught), "oracles": oracles}
    known = counts | {"tokens": len(run.leak_test.rows), "can_tell": run.leak_test.can_tell, "room": ROOM}
    known |= {f"bound_{name}": bound for name, bound in BOUNDS.items()}
    known |= {f"bound_surprising_{name}": bound for name, bound in BOUNDS_SURPRISING.items()}
    return rows + make_rows(SEARCH, "signals", known)


def causality_rows(run: Run) -> list[Row]:
    """Return section `causality`, item `states`: `checked`, whether it is known that states do not change when later
    tokens do. It is of a model trained here, by its making, and of one that was run here, where `change` is how far
    they did as a share of their size, which is rounding; not of states and signals brought along.
    """
    kind = run.settings["kind"]
    figures = {"checked": float(kind in ("trained", "huggingface"))}
    if kind == "huggingface":
        figures["change"] = run.json("model")["looks_ahead"]
    return make_rows(CAUSALITY, "states", figures)
