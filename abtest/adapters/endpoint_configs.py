"""Endpoint configs of a stage, the models that they name, and the endpoints that use them."""

import re
from collections.abc import Collection, Iterable
from typing import Any

from abtest.adapters.missing import deleted, described


def of_endpoint(sagemaker: Any, endpoint_name: str) -> list[str]:
    """Configs are named after the endpoint, a hyphen and a digest; another endpoint's may begin like ours."""
    prefix = f"{endpoint_name}-"
    pages = sagemaker.get_paginator("list_endpoint_configs").paginate(NameContains=prefix)
    names = [found["EndpointConfigName"] for page in pages for found in page["EndpointConfigs"]]
    return [name for name in names if re.fullmatch(f"{re.escape(prefix)}[0-9a-f]{{12}}", name)]


def in_use(sagemaker: Any) -> set[str]:
    """The endpoint configs that an endpoint of the account has, or is about to have."""
    pages = sagemaker.get_paginator("list_endpoints").paginate()
    names = [found["EndpointName"] for page in pages for found in page["Endpoints"]]
    endpoints = [found for name in names if (found := described(sagemaker.describe_endpoint, EndpointName=name))]
    endpoints += [found["PendingDeploymentSummary"] for found in endpoints if "PendingDeploymentSummary" in found]
    return {found["EndpointConfigName"] for found in endpoints}


def models_of(sagemaker: Any, config_names: Iterable[str]) -> set[str]:
    """The models that the endpoint configs name, as far as there are such."""
    return {model for name in config_names for model in _models(sagemaker, name)}


def _models(sagemaker: Any, config_name: str) -> list[str]:
    found = described(sagemaker.describe_endpoint_config, EndpointConfigName=config_name)
    lists = ("ProductionVariants", "ShadowProductionVariants")
    variants = [variant for key in lists for variant in found.get(key, [])] if found else []
    return [variant["ModelName"] for variant in variants if "ModelName" in variant]


def remove(sagemaker: Any, config_name: str, *, keep: Collection[str] = ()) -> list[str]:
    """Deletes an endpoint config and its models but those in `keep`; returns the names of what is gone.

    The config, which knows the models, goes last: what was interrupted can be repeated.
    """
    models = [name for name in _models(sagemaker, config_name) if name not in keep]
    gone = [name for name in models if deleted(sagemaker.delete_model, ModelName=name)]
    return [config_name, *gone] if deleted(sagemaker.delete_endpoint_config, EndpointConfigName=config_name) else gone
