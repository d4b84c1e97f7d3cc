"""Deployments on a Prefect server, made of the pipeline files: what runs when, and what a form asks for."""

from pipelines.deployments.deploy import Deployed, deploy

__all__ = ["Deployed", "deploy"]
