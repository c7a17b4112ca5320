"""HTTP as other servers build on it: requests, answers, problem documents, the listener (RFC 9110, RFC 9112)."""
