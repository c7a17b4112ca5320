"""The rows of accounts as a stream that any engine can write out and take in: for backups, and moves between stores."""
