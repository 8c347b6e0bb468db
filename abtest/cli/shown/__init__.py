"""Commands talk alike: options, progress, tables, errors, and an experiment's state as one document."""
