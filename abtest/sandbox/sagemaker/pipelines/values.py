"""Resolves one execution's expressions: parameters, execution variables, properties of ended steps."""

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from abtest.sandbox.sagemaker import state
from abtest.sandbox.sagemaker.jobs.storage import StorageError, read_object
from abtest.sandbox.sagemaker.pipelines.definition import Definition
from abtest.sandbox.sagemaker.pipelines.expressions import ExpressionError, Path, Reference, Values, follow, resolve
from abtest.sandbox.sagemaker.pipelines.parameters import Parameters
from abtest.sandbox.sagemaker.pipelines.records import iso
from abtest.sandbox.sagemaker.wire import Json


class ExecutionValues:
    """Holds the values of one execution; `properties` has the Describe response of each step that succeeded."""

    def __init__(self, record: Json, definition: Definition, parameters: Parameters) -> None:
        self._record = record
        self._definition = definition
        self._parameters = parameters
        self.properties: dict[str, Json] = {}

    def resolve(self, document: Any) -> Any:
        """Returns `document` with every expression replaced by its value; raises ExpressionError."""
        return resolve(document, Values(self._get, self._property_file, self._json_at))

    def _get(self, reference: Reference) -> Any:
        if reference.root == "Parameters":
            return self._parameters[reference.name]
        if reference.root == "Execution":
            return execution_variable(self._record, reference.name)
        try:
            return follow(self.properties[reference.name], reference.path)
        except ExpressionError as error:
            raise ExpressionError(f"{reference}: {error}") from None

    def _property_file(self, step: str, name: str, path: Path) -> Any:
        file = self._definition.steps[step].property_files[name]
        output = follow(self.properties[step], ("ProcessingOutputConfig", "Outputs", file["OutputName"]))
        return self._json_at(f"{output['S3Output']['S3Uri'].rstrip('/')}/{file['FilePath']}", path)

    def _json_at(self, uri: str, path: Path) -> Any:
        try:
            return follow(json.loads(read_object(uri)), path)
        except (ClientError, BotoCoreError, StorageError) as error:
            raise ExpressionError(f"{uri} cannot be read: {error}") from None
        except ExpressionError as error:
            raise ExpressionError(f"{uri}: {error}") from None
        except ValueError:
            raise ExpressionError(f"{uri} is not valid JSON") from None


def execution_variable(record: Json, name: str) -> str:
    """Returns the value of `Execution.<name>` in the execution `record`; times are UTC, ISO 8601 with milliseconds."""
    values = {
        "PipelineName": record["_pipeline_name"],
        "PipelineArn": record["PipelineArn"],
        "PipelineExecutionId": execution_id(record),
        "PipelineExecutionArn": record["PipelineExecutionArn"],
        "StartDateTime": iso(record["CreationTime"]),
        "CurrentDateTime": iso(state.now()),
    }
    return str(values[name])


def execution_id(record: Json) -> str:
    return str(record["PipelineExecutionArn"]).rpartition("/")[2]
