"""Sphinx settings: the pages as they are, and the docstrings as an API reference."""

import tabtrain

project = "tabtrain"
author = "the tabtrain developers"
version = release = tabtrain.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
numpydoc_show_class_members = False
exclude_patterns = ["_build"]
# Pages also link to files outside docs, as they are read in the repository.
suppress_warnings = ["myst.xref_missing"]
myst_heading_anchors = 3
