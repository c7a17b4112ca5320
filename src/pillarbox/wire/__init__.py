"""Floor 2: conversations without input and output; siblings are independent."""
