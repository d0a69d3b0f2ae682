"""Settings of the documentation: ``make docs``."""

import re

from bioconv.version import VERSION

project, author, version, release = "bioconv", "The bioconv authors", VERSION, VERSION
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build"]
html_theme = "alabaster"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = False
myst_heading_anchors = 3
# roles of other projects' objects are plain text here
suppress_warnings = ["ref.python"]


def setup(app):
    """Shapes such as ``(n_samples, *shape)`` have stars that mean no emphasis."""
    app.connect("autodoc-process-docstring", _keep_stars)


def _keep_stars(app, what, name, obj, options, lines):
    lines[:] = [re.sub(r"(?<![*`\w])\*(?=\w)", r"\\*", line) for line in lines]
