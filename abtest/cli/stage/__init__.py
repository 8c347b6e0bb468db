"""What commands need to know of a stage: its stacks, its Lambda code, and what it leaves beside them."""
