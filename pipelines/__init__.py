"""The SageMaker pipeline makes registered model packages of reviews."""
