"""Floor 1: words that all floors use."""
