"""Plugs our SageMaker service into MiniStack as one of its own: routed, reset and saved like the others."""

import sys

from ministack import app
from ministack.core import router

from abtest.sandbox.sagemaker import service


def install() -> None:
    """Adds `sagemaker` and `sagemaker-runtime`, which AWS serves (both sign as sagemaker); MiniStack has neither."""
    assert "sagemaker" not in app.SERVICE_REGISTRY, "MiniStack has a SageMaker of its own now"
    sys.modules["ministack.services.sagemaker"] = service
    app._loaded_modules["sagemaker"] = service
    app.SERVICE_REGISTRY["sagemaker"] = {"module": "sagemaker"}
    app.SERVICE_HANDLERS["sagemaker"] = app._lazy_handler("sagemaker")
    app._state_map["sagemaker"] = "sagemaker"
    # Without a pattern the first request makes MiniStack load every service model of botocore to guess the service.
    router.SERVICE_PATTERNS["sagemaker"] = {"target_prefixes": ["SageMaker."], "host_patterns": [r"sagemaker\."]}
