"""The advice for programs: by the schema, and the same as what is said."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from jsonschema import Draft202012Validator

from easyhard.atomic import write_json
from easyhard.report.metrics import Figures
from easyhard.report.setup import Setup
from easyhard.report.summary import summary_of

from .conftest import Make

SCHEMA = Path(__file__).parents[3] / "workflow" / "schemas" / "summary.schema.json"


def check(summary: dict) -> None:
    """As it is written."""
    validator = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    with TemporaryDirectory() as folder:
        write_json(Path(folder) / "summary.json", summary)
        validator.validate(json.loads((Path(folder) / "summary.json").read_text(encoding="utf-8")))


def test_the_summary_holds_the_advice(make_fair: Make, run_setup: Setup) -> None:
    summary = summary_of(make_fair(), run_setup)
    check(summary)
    assert summary["recommended"]["loss_over_3"]["signal"] == "mlp_easy_context"
    assert summary["best"]["loss_over_3"]["signal"] == "stack_context"
    assert summary["recommended"]["argmax_wrong"]["auroc"]["ci_low"] < 0.741
    assert [own["signal"] for own in summary["budgets"]] == ["exit_classifier", "mlp_easy", "stack_head"]
    assert summary["resampled"] == {"unit": "documents", "count": 56, "resamples": 1000}
    assert summary["where_to_stop"]["layers"] == 4
    assert summary["where_to_stop"]["compute"]["value"] < 1


def test_what_is_not_known_is_null(make_fair: Make, bare_fair: Figures, run_setup: Setup) -> None:
    bare = summary_of(bare_fair, run_setup)
    check(bare)
    assert bare["where_to_stop"] is None
    assert bare["recommended"]["loss_over_3"]["multiply_adds"] is None
    nothing = summary_of(make_fair({"advice/mlp_easy_context/recommended_loss_over_3": None}), run_setup)
    check(nothing)
    assert nothing["recommended"]["loss_over_3"] is None
    check(summary_of(None, run_setup))
