"""Signals: what each one is, needs and means."""
