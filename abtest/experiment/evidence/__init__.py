"""What counts prove: the always-valid test, sizes of effects, sample sizes, and signs that the data are wrong."""
