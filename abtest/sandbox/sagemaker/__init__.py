"""The local SageMaker: state, wire format, operations, jobs, pipelines."""
