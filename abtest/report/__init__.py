"""Decisions as one self-contained HTML file."""
