"""What the handlers of the state machines share: their log."""

from aws_lambda_powertools import Logger

logger = Logger(service="workflows")
