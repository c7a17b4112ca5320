"""Checks of our own that `just ci` runs."""
