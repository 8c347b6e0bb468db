"""What is stored and agreed: settings, experiments, Decisions, events. Every request waits for it to load."""
