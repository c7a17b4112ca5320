"""The DNS: one resolver for everything that asks, over the network's own resolver or from zone files."""
