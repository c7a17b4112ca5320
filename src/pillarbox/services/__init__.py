"""Floor 5: what the server does, told without a protocol."""
