# What a developer types, and what CI runs. `just` alone lists the recipes.
# A recipe uses .venv when it is there, else the python3 on the path; PYTHON=... chooses another.

python := env("PYTHON", if path_exists(justfile_directory() / ".venv/bin/python") == "true" { justfile_directory() / ".venv/bin/python" } else { "python3" })
# The tools that come as programs (ruff, lint-imports, towncrier, pillarbox) stand beside that python.
export PATH := parent_directory(shell("command -v \"$1\"", python)) + ":" + env("PATH")

[private]
default:
    @just --justfile "{{ justfile() }}" --list --unsorted

# Make .venv and install Pillarbox into it, editable, with the developer's tools
setup:
    python3 -m venv .venv
    .venv/bin/python -m pip install --quiet --editable '.[dev]'

# Start the demo server on loopback, with sample accounts and mail
run *ARGS:
    pillarbox demo {{ ARGS }}

# Run the tests on all cores; arguments go to pytest (`just test tests/formats -k date`)
test *ARGS:
    {{ python }} -m pytest --quiet --numprocesses auto {{ ARGS }}

# Run the tests under coverage and print the lines that no test reaches
coverage *ARGS:
    {{ python }} -m coverage run -m pytest --quiet {{ ARGS }}
    {{ python }} -m coverage report

# Rewrite the code in the house's format and mend what the linter can mend
format:
    {{ python }} -m ruff format
    {{ python }} -m ruff check --fix

# Format check and linter
lint:
    {{ python }} -m ruff format --check
    {{ python }} -m ruff check

# Check the types (mypy --strict over src, tests and tools)
types:
    {{ python }} -m mypy

# Check that arrows between floors run down only
arch:
    lint-imports

# Write the generated pages of docs/reference anew
docs:
    {{ python }} -m tools.rfc_coverage
    {{ python }} -m tools.cli_reference
    {{ python }} -m tools.log_reference

# The house's own checks: size, names, RFC citations, documentation, changelog fragments
house:
    {{ python }} -m tools.check_size
    {{ python }} -m tools.check_names
    {{ python }} -m tools.rfc_coverage --check
    {{ python }} -m tools.cli_reference --check
    {{ python }} -m tools.log_reference --check
    {{ python }} -m tools.check_docs
    {{ python }} -m tools.check_changes

# Run the benchmarks; arguments choose which (`just bench --help`)
bench *ARGS:
    {{ python }} -m bench {{ ARGS }}

# Throw mutated input at every parser for a while (`just fuzz --seconds 60 message`)
fuzz *ARGS:
    {{ python }} -m tests.fuzz {{ ARGS }}

# Kill a server under load, again and again, and check what it had acknowledged (`just crash --rounds 1000`)
crash *ARGS:
    {{ python }} -m tests.crash {{ ARGS }}

# Run the tests of blobs and backups in S3 against Ceph (Debian: ceph-mon ceph-osd radosgw ceph-common)
s3 *ARGS:
    TEST_S3=ceph {{ python }} -m pytest --quiet -rs tests/storage/test_blob_s3.py tests/contracts/test_blob_store.py \
        tests/services/backup/test_s3_target.py tests/app/test_store.py {{ ARGS }}

# Run the outside conformance suites that can be had (needs Node.js and the network)
conformance *ARGS:
    {{ python }} -m tests.conformance {{ ARGS }}

# Run imaptest's scripted tests against IMAP (IMAPTEST names the program; `--page` writes the page of the docs)
conformance-imap *ARGS:
    {{ python }} -m tests.conformance.imaptest {{ ARGS }}

# Let other people's clients live a first day here: JMAP's jmaplib and jmapc, jmap-jam in the folder NODE_CLIENTS, and
# IMAP's imapclient, mbsync (Debian: isync), mutt, neomutt
clients:
    {{ python }} -m tests.clients
    {{ python }} -m pytest --quiet -rs tests/clients/test_imapclient.py tests/clients/test_mbsync.py tests/clients/test_mutt.py

# Let two servers in two network namespaces write to each other (needs root and `ip`): DANE, MTA-STS, SRS, ARC, and
# hostile turns
two-servers *ARGS:
    {{ python }} -m tests.peers.two_servers {{ ARGS }}

# Let clients of JMAP and IMAP live through a long random history together (`just history --seed 7 --steps 3000`)
history *ARGS:
    {{ python }} -m tests.clients.mixed_history {{ ARGS }}

# Show what the next release's changelog would say
changes:
    towncrier build --draft

# Everything that CI runs, in CI's order
ci: lint types arch house test
