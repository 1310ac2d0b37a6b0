"""Corpora: from a source of text to documents with a split."""
