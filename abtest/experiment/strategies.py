"""Counts to traffic shares, by the strategy's name."""

STRATEGIES = ("WeightedSampling", "EpsilonGreedy", "UCB1", "ThompsonSampling")
