"""Sets the environment variables of the functions, by the names that `abtest/handlers/settings.py` reads."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

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

    def environment(self, *names: str) -> Mapping[str, str]:
        """Returns the variables `names`; KeyError where there is no such variable."""
        everything = {
            "EXPERIMENT_CONFIG": json.dumps(self.config.to_json(), separators=(",", ":")),
            "EXPERIMENTS_TABLE_NAME": self.experiments.table_name,
            "ASSIGNMENTS_TABLE_NAME": self.assignments.table_name,
            "DELIVERY_STREAM_NAME": self.stream_name,
            "BUCKET_NAME": self.bucket.bucket_name,
            "ENDPOINT_NAME": self.config.endpoint_name,
            "ENDPOINT_PREFIX": self.config.endpoint_prefix,
            "CHAMPION_GROUP_NAME": self.group_names[0],
            "CHALLENGER_GROUP_NAME": self.group_names[1],
            "MODEL_EXECUTION_ROLE_ARN": self.model_role_arn,
        }
        return {name: everything[name] for name in names}
