"""From nothing to a search page: drawn garments, the shipped model, example queries."""

from lapel.demo.run import Demo, run_demo

__all__ = ["Demo", "run_demo"]
