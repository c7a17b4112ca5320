"""Who a message is from, as far as it can be proved: SPF, DKIM, ARC, DMARC and what is written down about them.

What needs the DNS is a `Lookup` (`core/dns.py`) and waits for nothing.
"""
