"""Backups: repositories of compressed rows and octets, made from a running store, and the ways back."""
