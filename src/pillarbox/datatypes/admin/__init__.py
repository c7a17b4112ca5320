"""The types by which a server is administered: they live in the directory's account, which only administrators see."""
