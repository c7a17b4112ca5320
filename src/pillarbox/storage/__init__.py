"""Floor 4: the only floor that speaks SQL."""
