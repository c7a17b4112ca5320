"""Floor 6: what runs without being asked: relay, push, alarms, purge."""
