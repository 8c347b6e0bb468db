"""Lambda entry points: one file per route, state or event."""
