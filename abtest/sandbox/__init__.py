"""The sandbox is a local AWS: MiniStack with a SageMaker service of our own in the same process."""
