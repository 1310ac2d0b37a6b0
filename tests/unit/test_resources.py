"""Every rule says what it needs, and asks for more when it is tried again."""

import re
from pathlib import Path

RULES = Path(__file__).parents[2] / "workflow" / "rules"


def test_every_rule_asks_for_memory_and_time_by_attempt() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(RULES.glob("*.smk")))
    rules = re.findall(r"^rule (\w+):\n(.*?)(?=^\w|\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(rules) > 15
    for rule, body in rules:
        for resource in ("mem_mb", "runtime"):
            assert re.search(rf"^ +{resource}=(by_attempt\(\d+\)|model_memory|exit_memory),$", body, re.MULTILINE), (
                rule,
                resource,
            )
