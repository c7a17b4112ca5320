"""Mail: bringing messages in, and the methods that only emails have."""
