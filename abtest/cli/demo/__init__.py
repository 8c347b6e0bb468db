"""`abtest demo`: the whole loop on this machine, from reviews to a report."""
