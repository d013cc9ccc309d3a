"""Proof that our models, losses and metrics give the published code's numbers."""

from lapel.parity.running import Result, exit_status, run_cases

__all__ = ["Result", "exit_status", "run_cases"]
