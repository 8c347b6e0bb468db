"""What the functions of a stage may be told of, as the environment variables that each of them reads."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3

from abtest.experiment.record.config import ExperimentConfig


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What functions may be told of; each is told only what it reads."""

    config: ExperimentConfig
    bucket: s3.IBucket
    experiments: dynamodb.ITable
    assignments: dynamodb.ITable
    stream_name: str
    stream_arn: str
    model_role_arn: str
    group_names: tuple[str, str]

    def environment(self, kind: Any, **others: str) -> Mapping[str, str]:
        """Returns the variables of a class of `record/function_environments.py`, some of which are given by field.

        KeyError where there is no such resource.
        """
        known = {
            "experiment_config": json.dumps(self.config.to_json(), separators=(",", ":")),
            "experiments_table_name": self.experiments.table_name,
            "assignments_table_name": self.assignments.table_name,
            "delivery_stream_name": self.stream_name,
            "bucket_name": self.bucket.bucket_name,
            "endpoint_name": self.config.endpoint_name,
            "endpoint_prefix": self.config.endpoint_prefix,
            "champion_group_name": self.group_names[0],
            "challenger_group_name": self.group_names[1],
            "model_execution_role_arn": self.model_role_arn,
            **others,
        }
        return {name.upper(): known[name] for name in kind._fields}
