"""How Sphinx builds these pages: `make docs`."""

import re
from importlib.metadata import version as installed_version

project = "Lapel"
author = "The Lapel authors"
copyright = "2026, The Lapel authors"  # noqa: A001  the name that Sphinx reads
version = release = installed_version("lapel")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Lapel"
html_show_sourcelink = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

KEYWORDS = re.compile(r"\*\*(?=\w+\))")
FIELD = re.compile(r"^([a-z_]\w*(?:, [a-z_]\w*)*): (\S.*)$")


def _readable(app, what, name, obj, options, lines):  # noqa: D103
    """Show an indented paragraph (a formula, a drawing) or a table as it stands; make lines `field: it is` a list."""
    lines[:] = [f"    {line}" if line.startswith("|") else KEYWORDS.sub(r"\\*\\*", line) for line in lines]
    shown, before, in_list = [], "", False
    for number, line in enumerate(lines):
        field = FIELD.match(line)
        if field:
            shown += [""] if not in_list else []
            shown.append(f"* **{field[1]}**: {field[2]}")
        elif in_list and line.startswith("    "):
            shown.append(f"  {line.strip()}")
        else:
            after_blank = number and not lines[number - 1].strip()
            literal = line.startswith("    ") and after_blank and before and not before.startswith(" ")
            shown += ["::", ""] if literal else [""] if in_list else []
            shown.append(line)
        in_list = bool(field) or (in_list and line.startswith("    "))
        before = line if line.strip() else before
    # After an empty comment a property's first sentence is not taken for "type: description" where it has a colon.
    lines[:] = ["..", "", *shown] if what in {"property", "attribute", "data"} else shown


def setup(app):
    """Run before the reader of Google sections."""
    app.connect("autodoc-process-docstring", _readable, priority=400)
