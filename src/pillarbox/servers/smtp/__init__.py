"""Mail that comes in by SMTP's family of protocols: LMTP (RFC 2033)."""
