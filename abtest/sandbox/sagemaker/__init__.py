"""The local SageMaker service: state, wire format, operations, jobs, pipelines."""
