"""Imports: losses, signals, hidden states and heads that were made elsewhere, brought into this workflow's form."""
