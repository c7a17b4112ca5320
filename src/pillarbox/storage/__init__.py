"""Floor 4: the only floor that speaks SQL."""

import apsw

# SQLite counts the memory that it takes for whoever asks, and nobody does: the count is behind a lock that all threads
# of the process share. It can only be told so before there is a connection.
apsw.shutdown()
apsw.config(apsw.SQLITE_CONFIG_MEMSTATUS, 0)
apsw.initialize()
