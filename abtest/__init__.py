"""Decide in production which machine-learning model is better, and move traffic to it safely."""

__version__ = "0.1.0"
