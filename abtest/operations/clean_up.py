"""Deletes what earlier deployments left: endpoint configs and the models that only they name."""

import time

from abtest.adapters import endpoint_configs, registry, releases
from abtest.adapters.table import Table
from abtest.operations import hold_lease


def clean_up(table: Table, endpoint_name: str, execution: str) -> list[str]:
    """Returns the names of what is gone: of the endpoint's configs, and of models that only they named.

    What serves and the previous release stay, and so does what any endpoint of the account uses. Nothing goes if
    another execution holds the lease.
    """
    # Renewed, the lease outlives this function: nobody deploys what is being deleted.
    if not hold_lease.ask(table, endpoint_name, execution, time.time()):
        return []
    known, sagemaker = releases.get(table, endpoint_name), registry.client()
    kept = {release.endpoint_config_name for release in (known.current, known.previous) if release}
    old = [name for name in endpoint_configs.of_endpoint(sagemaker, endpoint_name) if name not in kept]
    if not old:
        return []
    kept |= endpoint_configs.in_use(sagemaker)
    models = endpoint_configs.models_of(sagemaker, kept)
    return [gone for name in old if name not in kept for gone in endpoint_configs.remove(sagemaker, name, keep=models)]
