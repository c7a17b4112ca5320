"""What an administrator settles before the server starts. What changes while it runs is data, not configuration."""
