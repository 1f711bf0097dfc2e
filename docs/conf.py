"""Sphinx settings: the pages as they are, and the docstrings as an API reference."""

import tabtrain

project = "tabtrain"
author = "the tabtrain developers"
version = release = tabtrain.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc"]
numpydoc_show_class_members = False
autosummary_generate = True
exclude_patterns = ["_build"]
myst_heading_anchors = 3
