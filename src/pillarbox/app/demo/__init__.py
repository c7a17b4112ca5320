"""What `pillarbox demo` shows: sample accounts and their mail."""
