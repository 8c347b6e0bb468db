"""Writes the definitions of both machines beside their sources."""

from workflows.definitions import write

write()
