"""JMAP over HTTP: session, API, upload, download and event source (RFC 8620)."""
