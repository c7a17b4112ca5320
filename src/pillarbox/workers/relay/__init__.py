"""Sends what is queued for other servers."""
