"""CleanUp: endpoint configs and models of earlier deployments go; what serves and the previous release stay."""

import time
from typing import Any, TypedDict

from abtest.adapters import endpoint_configs, registry
from abtest.adapters.releases import ReleasesTable
from abtest.handlers.settings import CleaningSettings, logger, read


class CleanedUp(TypedDict):
    """The names of what is gone."""

    deleted: list[str]


def handler(event: dict[str, Any], _context: Any) -> CleanedUp:
    settings = read(CleaningSettings)
    table, name = ReleasesTable(settings.experiments_table_name), settings.endpoint_name
    # Renewed, the lease outlives this function: nobody deploys what is being deleted.
    if not table.ask_for_lease(name, event["execution"], time.time()):
        return {"deleted": []}
    releases = table.releases(name)
    keep = {release.endpoint_config_name for release in (releases.current, releases.previous) if release}
    deleted = endpoint_configs.clean_up(registry.client(), name, keep)
    logger.info("cleaned up", deleted=deleted, kept=sorted(keep))
    return {"deleted": deleted}
