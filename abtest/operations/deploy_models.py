"""Puts models that were trained elsewhere into the registry, and approves them on request."""

from collections.abc import Callable, Mapping, Sequence

from abtest.adapters import external_models, registry
from abtest.adapters.external_models import ExternalModel
from abtest.experiment.record.selection import APPROVED


def deploy_models(
    models: Sequence[tuple[str, ExternalModel]],
    bucket_name: str,
    group_names: Mapping[str, str],
    *,
    approve: bool,
    tell: Callable[[str], None],
) -> list[str]:
    """Copies each model into the bucket and registers it in its role's group; returns the packages' ARNs.

    `models` are by role, champion or challenger, as the keys of `group_names`; a champion comes first: challengers take
    part if they were created after it. `tell` is told where each artefact is. Raises ArtefactError.
    """
    arns = []
    for role, model in models:
        uri = external_models.store(model, bucket_name)
        tell(f"{role}: {model.artefact} is at {uri}")
        arns.append(external_models.register(model, uri, group_names[role]))
    for arn in arns if approve else ():
        registry.set_status(arn, APPROVED, "Approved by abtest deploy-models --approve.")
    return arns
