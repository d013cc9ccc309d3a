"""From nothing to a search page: drawn garments, the shipped model, example queries."""

from lapel.demo.examples import examples
from lapel.demo.run import Demo, can_open, run_demo

__all__ = ["Demo", "can_open", "examples", "run_demo"]
