"""The search page: hand-written HTML, CSS and ES modules, served as they are; no build step, no outside assets."""

from pathlib import Path

STATIC = Path(__file__).parent / "static"
"""The folder to serve: `index.html` at the server's root, everything in it under `static/`."""
