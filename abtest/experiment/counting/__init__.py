"""Events to counts, which add up over users."""
