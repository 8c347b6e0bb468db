"""The CDK app describes what a stage is made of on AWS."""
