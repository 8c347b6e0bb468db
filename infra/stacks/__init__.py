"""The stacks, four of a stage and those of delivery: each only composes constructs."""
