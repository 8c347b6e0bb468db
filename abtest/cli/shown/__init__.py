"""How commands talk: options, progress, tables, errors, and an experiment's state as one document."""
