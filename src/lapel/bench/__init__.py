"""How fast is it here? Photos a second, milliseconds a query, and the machine they were measured on."""

from lapel.bench.run import Bench, run_bench

__all__ = ["Bench", "run_bench"]
