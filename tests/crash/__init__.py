"""Crashes on purpose: servers that are killed, disks that fail, power that is cut; what was promised has to stay."""
