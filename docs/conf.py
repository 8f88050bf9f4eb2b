"""How the documentation is built: `nox -s docs`."""

from __future__ import annotations

from importlib import metadata

project = "ip1_async"
author = "the ip1_async authors"
copyright = "2026, the ip1_async authors"
release = metadata.version("ip1-async")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"ip1_async {release}"

myst_heading_anchors = 3
suppress_warnings = ["myst.xref_missing"]  # what the README points to outside of this folder
default_role = "code"
autodoc_member_order = "bysource"
autodoc_class_signature = "separated"
autodoc_default_options = {"exclude-members": "__init__, __new__"}
