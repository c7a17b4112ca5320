"""Floor 2: documents, bytes to values and back; pure."""
