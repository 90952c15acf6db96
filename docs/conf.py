"""The configuration of Sphinx: `make docs` builds the pages into build/docs."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))

# Pictures without a date in them: the same bytes from the same sources.
os.environ.setdefault("SOURCE_DATE_EPOCH", "0")

import mlpcore  # noqa: E402

project = "mlpcore"
author = "The mlpcore developers"
project_copyright = author
version = release = mlpcore.__version__

extensions = [
    "matplotlib.sphinxext.plot_directive",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "docstring_names",
    "mathml",
    "reference_code",
    "root_pages",
]
exclude_patterns = ["_*", "**/plots", "gallery/*.ipynb", "gallery/*.py"]
nitpicky = True
# Names of other libraries: no inventories are fetched, so there is nothing to link to.
nitpick_ignore_regex = [
    ("py:.*", r"(keras|matplotlib|numpy|onnx|pandas|sklearn|torch)\..*")
]

# Markdown. An anchor for each heading, as on a code host: page.md#the-promise.
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4

# The API reference: one generated page for each name in docs/reference/*.md.
templates_path = ["_templates"]
autosummary_generate = True
autodoc_typehints = "none"  # they are in the docstrings, with shapes
autodoc_member_order = "bysource"
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False  # the template for classes lists them
default_role = "name"  # a link, if there is such a thing: docstring_names.py

# Plots of the pages, written by docs/**/plots/*.py; of a size to stand in the text.
plot_formats = [("svg", 100)]
plot_html_show_formats = False
plot_html_show_source_link = False
plot_apply_rcparams = True
_GREY = "#808892"  # to be read on white and on black
plot_rcparams = {
    "axes.edgecolor": _GREY,
    "axes.labelcolor": _GREY,
    "axes.prop_cycle": (
        "cycler('color', ['#3585c6', '#e07b30', '#2f9e6e', '#a06cc8', '#d64f5f'])"
    ),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": _GREY,
    "axes.titlesize": "medium",
    "figure.constrained_layout.use": True,
    "legend.frameon": False,
    "legend.labelcolor": _GREY,
    "savefig.transparent": True,
    "svg.hashsalt": "mlpcore",
    "text.color": _GREY,
    "xtick.color": _GREY,
    "ytick.color": _GREY,
}

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"(^|/)(?!plot_)[^/]*\.py$",  # scripts without pictures
    "download_all_examples": False,
    "show_signature": False,
    "show_memory": False,
    "min_reported_time": 1e9,
    "write_computation_times": False,
    "abort_on_example_error": True,
}

html_theme = "pydata_sphinx_theme"
html_title = f"mlpcore {version}"
html_static_path = ["_static"]
html_css_files = ["mlpcore.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "mlpcore"},
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"index": []}
# Copied code comes without the prompts and the output.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
