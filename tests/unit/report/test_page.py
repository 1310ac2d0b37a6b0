"""What a page says is HTML in which only our own marks count."""

import pytest

from easyhard.report.catalogue import titled
from easyhard.report.page import cell, csv_of, data, marked, script, table_html
from easyhard.report.tables import Table
from easyhard.report.words import strong

HOSTILE = "<script>alert(1)</script>"


def test_sentences_have_our_marks_and_no_others() -> None:
    said = marked(f"see [arXiv:1](https://arxiv.org/abs/1) and `x` of {strong('a')} {HOSTILE}")
    link = '<a href="https://arxiv.org/abs/1">arXiv:1</a>'
    shown = "&lt;script&gt;alert(1)&lt;/script&gt;"
    assert said == f"see {link} and <code>x</code> of <strong>a</strong> {shown}"


def test_links_lead_to_pages_alone() -> None:
    for address in ("javascript:alert(1)", 'https://a.b/"onclick=alert(1)'):
        assert '<a href="javascript' not in marked(f"[x]({address})")
        assert '"onclick' not in marked(f"[x]({address})")
    assert "<a" not in marked(
        "[x](https://example.org) [arXiv:1](https://example.org/abs/1)"
    )  # as a column may be called


@pytest.mark.parametrize("name", ["[x](https://a.b)", "`x`", HOSTILE])
def test_a_cell_shows_a_name_as_it_is(name: str) -> None:
    html = table_html(Table(["signal"], [[name]], left=1))
    assert not any(tag in html for tag in ("<a ", "<code", "<script"))
    assert cell(name).unescape() == name


def test_numbers_stay_with_their_units() -> None:
    assert marked("5 % at 0.7 [0.6, 0.8], -1 [-2, +3] nats") == (
        "5\u00a0% at 0.7 [0.6,\u00a00.8], -1 [-2,\u00a0+3] nats"
    )
    assert marked("a, b [c, d]") == "a, b [c, d]"


def test_scripts_and_data_do_not_end_their_element() -> None:
    assert "<" not in data({"text": "</script><!--"})
    assert script("'</SCRIPT><!--'") == "'<\\/SCRIPT><\\!--'"


def test_a_table_is_written_as_printed_and_columns_of_one_name_are_told_apart() -> None:
    table = Table(["signal", "there", "there"], [[strong("a"), "1, 2", 'b"']])
    assert csv_of(table) == 'signal,there,there #2\na,"1, 2","b"""\n'


def test_tables_are_called_what_they_are_about() -> None:
    names = [("class_signals", "head"), ("importances", "stack_hidden_loss"), ("strata", "target_seen_in_training")]
    assert [title for title, *_ in titled(names)] == [
        "Signals that need a pass over the vocabulary: every figure",
        "What stack hidden, loss leans on",
        "AUROC by target seen in training",
    ]
