"""The standard methods, derived for every data type from its declaration (RFC 8620 §5)."""
