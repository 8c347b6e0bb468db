"""Lambda entry points: one file per route or state."""
