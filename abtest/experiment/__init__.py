"""The pure core: events, counts, posteriors, traffic shares, decisions. Standard library only."""
