"""Mail that is fetched by POP3 (RFC 1939)."""
