"""The built-in XGBoost image for the sandbox: a trained booster as a server."""
