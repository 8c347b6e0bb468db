"""The strategies by name, as people write it, and the function of `allocation.strategies` that each stands for."""

STRATEGIES = {
    "WeightedSampling": "weighted_sampling",
    "EpsilonGreedy": "epsilon_greedy",
    "UCB1": "ucb1",
    "ThompsonSampling": "thompson_sampling",
    "Adaptive": "adaptive",
}
