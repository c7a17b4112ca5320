"""`python -m tests.conformance`: run the suites that can be had and write docs/reference/conformance.md."""

import sys

from tests.conformance.jmap_test_suite import main

if __name__ == "__main__":
    sys.exit(main())
