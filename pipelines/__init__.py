"""The SageMaker pipeline: reviews to registered model packages."""
