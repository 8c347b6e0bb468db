"""One small construct for each concern; inputs are keyword-only and say what is needed, never a stack."""
