"""Tests; the folders mirror src/pillarbox."""
