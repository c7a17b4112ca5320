"""Whole clients against a whole server: a first day as a story, a checked history, and other people's clients."""
