"""Endpoints beside the stage's own that take part: an index of them in the `experiments` table."""

from abtest.adapters.experiments_table import ExperimentsTable

INDEX, ENDPOINT = "#ADOPTED", "ENDPOINT#"  # the index's partition key, which can be no endpoint's name; its items


class AdoptedEndpoints(ExperimentsTable):
    """The table of experiments, with the index of adopted endpoints."""

    def live(self) -> list[str]:
        """The names of the adopted endpoints that have an experiment now, in order."""
        return [item["name"] for item in self._query(INDEX, ENDPOINT) if item["live"]]
