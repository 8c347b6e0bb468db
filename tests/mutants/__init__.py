"""`make mutants`: do the fast tests notice when the core's or the operations' code is changed?

mutmut makes the mutants, finds the tests that run each changed function and runs them; ours are the sample, and the
page of those that no test noticed.
"""
