"""Reports about mail between servers: those that come, and what is counted for those that we send."""
