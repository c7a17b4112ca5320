"""A check of everything that has to be true of a store, on one consistent reading of it, also while a server runs."""
