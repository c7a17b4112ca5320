"""The WebSocket protocol, the server's side: handshake, frames, compression (RFC 6455, RFC 7692)."""
