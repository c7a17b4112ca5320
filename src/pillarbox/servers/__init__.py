"""Floor 6: one folder per protocol; siblings are independent."""
