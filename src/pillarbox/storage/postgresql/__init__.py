"""PostgreSQL as the engine for several nodes. Imported only where it is wanted: it needs psycopg."""
