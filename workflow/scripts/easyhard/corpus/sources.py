"""The sources of a corpus: a new one is one module and one entry of `SOURCES`."""

from collections.abc import Callable, Mapping
from typing import Any

from easyhard.corpus.bundled import load_bundled
from easyhard.corpus.documents import Corpus
from easyhard.corpus.files import load_files
from easyhard.corpus.hub import load_hub
from easyhard.errors import InputError

Settings = Mapping[str, Any]


def _bundled(settings: Settings) -> Corpus:
    own = settings["bundled"]
    return load_bundled(own["validation"], own["test"], own["seed"])


def _hub(settings: Settings) -> Corpus:
    return load_hub(settings["hub"]["name"], settings["hub"]["config"], settings["documents"])


def _files(settings: Settings) -> Corpus:
    return load_files(settings["files"]["path"], settings["files"], settings["documents"])


SOURCES: dict[str, Callable[[Settings], Corpus]] = {"bundled": _bundled, "hub": _hub, "files": _files}


def load_corpus(settings: Settings) -> Corpus:
    """Documents, description and credit of the corpus that the `corpus` block of the configuration describes.

    Raises InputError for an unknown source, and what the source raises for bad input.
    """
    if settings["source"] not in SOURCES:
        raise InputError(f"corpus.source: {settings['source']!r} is unknown; {', '.join(SOURCES)} are the sources")
    return SOURCES[settings["source"]](settings)
