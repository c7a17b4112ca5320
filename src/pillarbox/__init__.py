"""Pillarbox: a self-hosted mail and collaboration server, JMAP first."""

__version__ = "0.1.0"
