"""Run-time access to AWS: one module per resource."""
