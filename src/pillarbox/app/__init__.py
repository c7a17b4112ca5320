"""Floor 7: configuration, wiring and the command line; the only place that knows everybody."""
