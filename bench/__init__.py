"""The project's own benchmark: a server of this checkout under made-up mail, on one machine."""
