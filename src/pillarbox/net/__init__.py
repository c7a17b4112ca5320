"""Floor 5: the event loop, TLS, DNS, listeners and the bridge to threads."""
