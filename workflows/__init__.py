"""Writes Step Functions definitions as plain Amazon States Language."""
