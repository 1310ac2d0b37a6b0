"""Tokens: from documents to integer ids, a vocabulary, and training sequences."""
