"""What abtest does, one verb a module. Handlers and commands call these; they call adapters and the core."""
