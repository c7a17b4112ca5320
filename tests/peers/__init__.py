"""Pillarbox among other mail servers: a second Pillarbox, Postfix, swaks. What is not installed here is skipped."""
