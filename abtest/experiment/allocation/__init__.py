"""Counts to traffic shares and to the probability that each arm is the best."""
