"""The made-up figures of the report's unit tests."""

from tests.unit.report.conftest import complete, make_brought, make_fair, make_figures, registry, run_setup

__all__ = ["complete", "make_brought", "make_fair", "make_figures", "registry", "run_setup"]
