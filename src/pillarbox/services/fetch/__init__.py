"""Mail comes over from another server: all of an account once, and what is new or has changed each time after."""
