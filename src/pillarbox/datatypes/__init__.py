"""Floor 3: one module per JMAP type, its record and its rules."""
