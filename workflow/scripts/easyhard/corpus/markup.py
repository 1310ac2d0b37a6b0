"""Wiki markup to plain text, beyond what gensim's `filter_wiki` does.

`filter_wiki` cuts from any `<` to the next `>`, drops what follows an unclosed `{{`, keeps captions and leaves the
marks of lists, headings and quotes. So what nests goes before it (`prepare`), the marks of lines after it
(`plain_lines`).
"""

import html
import re
from collections.abc import Callable
from operator import itemgetter

# private characters that stand for a `<`, `[` and `]` of the text while the filter runs
LESS_THAN, OPEN, CLOSE = "\ue000", "\ue001", "\ue002"
RESTORE = str.maketrans({LESS_THAN: "<", OPEN: "[", CLOSE: "]"})

NON_PROSE_TAGS = "gallery|math|timeline|imagemap|source|syntaxhighlight|pre|nowiki|references|score"
BEFORE_FILTER = [
    (re.compile(r"<!--.*?-->", re.DOTALL), ""),
    (re.compile(r"<ref\b[^<>]*/>", re.IGNORECASE), ""),
    (re.compile(r"<ref\b[^<>]*>.*?</ref\s*>", re.DOTALL | re.IGNORECASE), ""),
    (re.compile(rf"<({NON_PROSE_TAGS})\b[^<>]*(?<!/)>.*?</\1\s*>", re.DOTALL | re.IGNORECASE), ""),
    (re.compile(r"</?(?:div|p|li|ol|ul|blockquote|poem|center|hr)\b[^<>]*>", re.IGNORECASE), "\n"),
    (re.compile(r"<br\b[^<>]*>", re.IGNORECASE), " "),
    (re.compile(r"<(?!/?[a-z])", re.IGNORECASE), LESS_THAN),
]
FILE_LINK = re.compile(
    r"\[\[\s*(?:File|Image|Category|Media):(?:[^\[\]]|\[\[[^\[\]]*\]\]|\[[^\[\]]*\])*\]\]", re.IGNORECASE
)
LINK = re.compile(r"\[\[:?(?:[^\[\]|]*\|)?([^\[\]|]*)\]\]")
EDITORIAL = re.compile(r"\[(?!\w+:)([^\[\]\n]*)\]")  # [sic], but not [http://address label]
TEMPLATE = re.compile(r"\{\{([^{}]*)\}\}")
TABLE = re.compile(r"^[ :]*\{\|(?:(?!\{\||^\|\}).)*^\|\}", re.DOTALL | re.MULTILINE)


def prepare(raw: str) -> str:
    """Wiki source without comments, references, galleries, formulas, captions, templates and tables.

    Templates that only wrap running text (`TEMPLATES`: language tags, measures, no-break spaces) leave that text.
    """
    text = html.unescape(raw)
    for pattern, replacement in BEFORE_FILTER:
        text = pattern.sub(replacement, text)
    text = _until_stable(FILE_LINK, "", text)
    text = _until_stable(LINK, r"\1", text)
    text = EDITORIAL.sub(rf"{OPEN}\1{CLOSE}", text)
    text = _until_stable(TEMPLATE, _expand, text)
    text = _until_stable(TABLE, "", text)
    return text.replace("{{", "").replace("}}", "")


def _until_stable(pattern: re.Pattern[str], replacement: str | Callable[[re.Match[str]], str], text: str) -> str:
    """Innermost first, then what contained it, until nothing matches."""
    count = 1
    while count:
        text, count = pattern.subn(replacement, text)
    return text


def _measure(arguments: list[str]) -> str:
    """`1300|mi|km` is 1300 mi; `5|to|7|km|mi` is 5 to 7 km."""
    is_range = len(arguments) > 3 and arguments[1] in {"to", "and", "by", "or", "-", "–", "x", "×"}
    return " ".join(arguments[: 4 if is_range else 2])


TEMPLATES: dict[str, Callable[[list[str]], str]] = {
    **dict.fromkeys(
        ("nowrap", "nobr", "small", "smaller", "big", "sc", "nihongo", "angbr", "linktext", "quote"), itemgetter(0)
    ),
    **dict.fromkeys(("lang", "transl", "rtl-lang"), itemgetter(-1)),
    "convert": _measure,
    "chem": "".join,
    "as of": lambda arguments: f"as of {arguments[0]}",
    "uss": lambda arguments: f"USS {arguments[0]}",
    "hms": lambda arguments: f"HMS {arguments[0]}",
    "'s": lambda _: "'s",
    "'": lambda _: "'",
    "=": lambda _: "=",
    "nbsp": lambda _: " ",
    "ndash": lambda _: "–",
    "snd": lambda _: " – ",
    "spaced ndash": lambda _: " – ",
    "mdashb": lambda _: "—",
}


def _expand(match: re.Match[str]) -> str:
    name, *arguments = (part.strip() for part in match[1].split("|"))
    name = name.lower()
    if name.startswith("lang-"):
        name = "nowrap"
    if name not in TEMPLATES:
        return ""
    named = re.compile(r"(?:1|text)\s*=\s*")
    positional = [named.sub("", argument, count=1) for argument in arguments]
    return TEMPLATES[name]([argument for argument in positional if not re.match(r"\w+\s*=", argument)] or [""])


HEADING = re.compile(r"(={1,6})\s*(.*?)\s*\1")
APPARATUS = re.compile(
    r"(?:(?:selected|additional|cited|primary|secondary|reference|etymological) )?"
    r"(?:references?|notes|footnotes|citations|sources|texts|bibliograph(?:y|ies)|reference literature|works cited|"
    r"external links?|further reading|see also|gallery)(?: and (?:references|notes|further reading))?",
    re.IGNORECASE,
)
SPACES = re.compile(r"[\s\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
AFTER_FILTER = [
    (re.compile(r"__[A-Z]+__"), ""),
    (re.compile(r"(?:https?|ftp)://\S+"), ""),
    (re.compile(r"(?<=\w)'''(?=s\b)"), "'"),  # italics closed before a possessive
    (re.compile(r"''+"), ""),
    (SPACES, " "),
    (re.compile(r"([(\[])[ ,;:]+"), r"\1"),
    (re.compile(r"[ ,;:]+([)\]])"), r"\1"),
    (re.compile(r" ?(?:\(\)|\[\])"), ""),
    (re.compile(r" +([,;.](?:\s|$))"), r"\1"),
    (re.compile(r"([,;])(?:\s*[,;])+"), r"\1"),
    (re.compile(r"[,;] ?\.(?=\s|$)"), "."),
]
LIST_MARKS = re.compile(r"^[*#:;][*#:;\s]*")
HAS_WORD = re.compile(r"[^\W\d_]{2}")
BOOK_NUMBER = re.compile(r"\bISBN[ :-]?\d")


def plain_lines(filtered: str) -> list[str]:
    """Lines of prose, list items and headings without marks; without the apparatus (references, links, notes …).

    A heading with nothing beneath it goes, and so does a line without a word or with a book's number.
    """
    entries: list[tuple[int, str]] = []  # level of the heading (0: text), line
    skipped = 0  # level of the apparatus heading that we are under
    for line in INVISIBLE.sub("", filtered.translate(RESTORE)).split("\n"):
        heading = HEADING.fullmatch(line.strip())
        level = len(heading[1]) if heading else 0
        text = _plain(heading[2] if heading else LIST_MARKS.sub("", line.strip()))
        if level and (not skipped or level <= skipped):
            skipped = level if APPARATUS.fullmatch(text) else 0
        if not skipped and HAS_WORD.search(text) and not BOOK_NUMBER.search(text):
            entries.append((level, text))
    return _without_empty_sections(entries)


def _plain(line: str) -> str:
    for pattern, replacement in AFTER_FILTER:
        line = pattern.sub(replacement, line)
    return line.strip()


def _without_empty_sections(entries: list[tuple[int, str]]) -> list[str]:
    kept: list[str] = []
    below = 1  # level of the next kept line: 0 text, 1 the end of the article
    for level, line in reversed(entries):
        if level == 0 or below == 0 or below > level:
            kept.append(line)
            below = level
    return kept[::-1]
