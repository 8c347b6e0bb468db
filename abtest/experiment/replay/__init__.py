"""What another strategy would have earned, from the events of an experiment that has run."""
