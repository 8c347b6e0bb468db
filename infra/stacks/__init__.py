"""The four stacks: each only composes constructs."""
