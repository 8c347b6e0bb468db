"""Writes the definitions of all machines beside their sources."""

from workflows.definitions import write

write()
