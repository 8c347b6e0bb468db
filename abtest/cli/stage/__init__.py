"""What commands need to know of a stage: its stacks, its Lambda code, and what it left beside them."""
