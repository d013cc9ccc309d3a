"""How Sphinx builds these pages: `make docs`."""

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


def _formulas_are_literal(app, what, name, obj, options, lines):  # noqa: D103
    """An indented paragraph of a docstring (a formula, a drawing) is shown as it stands."""
    shown, before = [], ""
    for number, line in enumerate(lines):
        starts = line.startswith("    ") and number and not lines[number - 1].strip()
        if starts and before and not before.startswith(" "):
            shown += ["::", ""]
        shown.append(line)
        before = line if line.strip() else before
    lines[:] = shown


def setup(app):
    """Run before the reader of Google sections."""
    app.connect("autodoc-process-docstring", _formulas_are_literal, priority=400)
