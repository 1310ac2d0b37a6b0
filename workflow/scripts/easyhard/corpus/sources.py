"""The sources of a corpus: a new one is one module and one line of `load_corpus`."""

from collections.abc import Mapping
from typing import Any

from easyhard.corpus.bundled import load_bundled
from easyhard.corpus.documents import Corpus
from easyhard.corpus.files import load_files
from easyhard.corpus.hub import load_hub


def load_corpus(settings: Mapping[str, Any]) -> Corpus:
    """Documents, description and credit of the corpus that the `corpus` block of the configuration describes.

    Raises InputError as the source does for bad input.
    """
    source = settings["source"]
    if source == "bundled":
        return load_bundled(**settings["bundled"])
    if source == "hub":
        return load_hub(**settings["hub"], documents=settings["documents"], text_column=settings["text_column"])
    return load_files(settings["files"], settings["documents"], settings["text_column"])
