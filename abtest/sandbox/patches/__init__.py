"""Patches what MiniStack 1.5.33 lacks or does otherwise than AWS: one module a gap, before the first request."""

from importlib import metadata

from abtest.sandbox.patches import (
    alarms,
    api_gateway,
    buckets,
    cloudformation,
    executions,
    firehose,
    full_disk,
    function_tasks,
    identities,
    lambda_functions,
    paths,
    payloads,
    plug,
    sdk_tasks,
    targets,
)
from abtest.sandbox.settings import Settings

VERSION = "1.5.33"


def apply(settings: Settings) -> None:
    """Applies all patches. Raises AssertionError where MiniStack is not the version that they were written for."""
    found = metadata.version("ministack")
    assert found == VERSION, f"the sandbox's patches are for ministack {VERSION}, not {found}"
    plug.install()
    identities.install()
    cloudformation.install(settings)
    buckets.install()
    full_disk.install()
    firehose.install(settings)
    lambda_functions.install()
    sdk_tasks.install()
    function_tasks.install(settings)
    executions.install()
    paths.install()
    payloads.install()
    targets.install()
    alarms.install()
    api_gateway.install()
