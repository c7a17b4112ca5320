"""Outside conformance suites, run against a demo server of this checkout by `just conformance`."""
