"""The report: tables, plots and prose, drawn from the figures alone."""
