"""Configures the guide: Sphinx with MyST, built from a checkout without any installation, and without network."""

from __future__ import annotations

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS.parent), str(DOCS / "_ext")]

import rsc_bench  # noqa: E402  (the paths come first)

project = "RSC Bench"
author = "The RSC Bench authors"
copyright = "the RSC Bench authors"  # noqa: A001  (Sphinx calls it so)
version = release = rsc_bench.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "api_texts",
    "command_texts",
    "metric_table",
    "notebook",
    "plugin_kinds",
    "results_schema",
    "suite_options",
]
exclude_patterns = ["_ext"]
default_role = "py:obj"
"""Single backticks in docstrings name an object: a link where the guide has it, else its name in the font of code."""

toc_object_entries = False
"""The API page has a heading for each type; its contents would be a page long with every field."""

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
maximum_signature_line_length = 80
napoleon_google_docstring = True
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = f"RSC Bench {release}"
html_static_path = ["_static"]
html_css_files = ["guide.css"]
html_copy_source = False
html_show_sphinx = False
