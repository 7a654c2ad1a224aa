"""How Sphinx builds the documentation: ``python -m sphinx -W docs docs/_build/html``.

The examples run while the gallery is built; ``-D plot_gallery=0`` leaves them out. Nothing is fetched from anywhere.
"""

import importlib
import inspect
import os
import re
import sys
import tomllib
import types
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "agg")

import skdeeplift  # noqa: E402

PROJECT = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = "skdeeplift"
author = copyright = "skdeeplift developers"
version = release = skdeeplift.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_templates", "generated", "**.ipynb_checkpoints"]
templates_path = ["_templates"]
# Single backticks in docstrings are names of Python's objects, where there is such an object.
default_role = "py:obj"

html_theme = "pydata_sphinx_theme"
html_title = "skdeeplift"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_show_sourcelink = False
html_favicon = "_static/logo.svg"
html_theme_options = {
    "logo": {"text": "skdeeplift", "image_light": "_static/logo.svg", "image_dark": "_static/logo.svg"},
    "github_url": PROJECT["urls"]["Source"],
    "navbar_start": ["navbar-logo", "version"],
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "show_nav_level": 1,
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": [],
}
# Pages of a section list the pages of that section. Pages outside of all sections list the sections.
html_sidebars = {
    "**": ["sidebar-nav-bs"],
    **{page: ["contents"] for page in ("index", "search", "genindex", "py-modindex")},
}

autosummary_generate = True
toc_object_entries_show_parents = "hide"
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
myst_enable_extensions = []
# Titles of a report that is written elsewhere begin at any level.
suppress_warnings = ["myst.header"]

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("skdeeplift",),
    "inspect_global_variables": True,
    "remove_config_comments": True,
    "show_memory": False,
    # That page would load scripts from elsewhere.
    "write_computation_times": False,
    "min_reported_time": 1,
    "within_subsection_order": "FileNameSortKey",
}

# The groups of the API reference, in the order of the page: title, module, description and names. Without names, a
# group has all names of its module.
API = [
    (
        "Explainers",
        "skdeeplift",
        "Estimators that compute contributions. :ref:`methods_compared` says when to choose which.",
        """
        DeepLiftExplainer IntegratedGradientsExplainer ExpectedGradientsExplainer ShapleySamplingExplainer
        OcclusionExplainer MutagenesisExplainer GradientExplainer GuidedBackpropExplainer LRPExplainer
        """,
    ),
    ("Explanations", "skdeeplift", "The result of ``explain``: a table, pictures and a file.", "Explanation"),
    ("References", "skdeeplift.references", "", ""),
    ("Targets", "skdeeplift.targets", "", ""),
    (
        "Selection",
        "skdeeplift",
        "Selection of columns by their contributions. See :ref:`feature_selection`.",
        "ContributionSelector MeanAbsoluteImportance contribution_score",
    ),
    ("Metrics", "skdeeplift.metrics", "", ""),
    ("Pictures", "skdeeplift.plotting", "", ""),
    ("Sequences", "skdeeplift.sequences", "", ""),
    (
        "Networks and files",
        "skdeeplift",
        "Networks from files, and the rule that each of their operations gets. See :ref:`files`.",
        "load_network describe mean_normalise_weights_for_sequence_convolution",
    ),
    ("Settings", "skdeeplift", "Settings of the whole process.", "config_context get_config set_config"),
    ("Data sets", "skdeeplift.datasets", "", ""),
    ("Errors and warnings", "skdeeplift.exceptions", "", ""),
]
API_HEAD = """\
.. This page is written by conf.py.

.. _api:

=============
API reference
=============

.. automodule:: skdeeplift
   :no-members:

All public names, in groups. All explainers are scikit-learn estimators: besides the methods on their pages they have
``fit_transform``, ``get_params``, ``set_params``, ``set_output`` and ``get_metadata_routing``.

"""


def public_names(module):
    """Return the sorted names that a module exports, without its submodules, which have groups of their own."""
    return sorted(name for name in module.__all__ if not inspect.ismodule(getattr(module, name)))


def api_page():
    """Return the page of all public names, from which Sphinx makes a page for each name."""
    parts = [API_HEAD]
    for title, module_name, description, names in API:
        names = names.split() or public_names(importlib.import_module(module_name))
        description = description or f".. automodule:: {module_name}\n   :no-members:"
        parts.append(f"{title}\n{'=' * len(title)}\n\n{description}\n\n.. currentmodule:: {module_name}\n\n")
        parts.append(f".. autosummary::\n   :toctree:\n   :nosignatures:\n   :caption: {title}\n\n")
        parts.extend(f"   {name}\n" for name in names)
        parts.append("\n")
    return "".join(parts)


def pages_that_are_there(folder, *names):
    """Lines of a toctree for pages that may be missing."""
    return "".join(f"   /{folder}{name}\n" for name in names if any(HERE.glob(f"{folder}{name}.*")))


def write(path, text):
    """Write a page, unless it is there already: what did not change is not built again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def versions_table():
    """The lower bounds of Python and of the packages, as the package itself declares them."""
    extras = PROJECT["optional-dependencies"]
    bounds = [f"python{PROJECT['requires-python']}", *PROJECT["dependencies"], *extras["plot"], *extras["dask"]]
    rows = [re.fullmatch(r"([\w.-]+)(?:\[.*\])?>=([\w.]+).*", bound).groups() for bound in bounds]
    lines = "".join(f"   * - {name}\n     - {version}\n" for name, version in rows)
    return f".. list-table::\n   :header-rows: 1\n\n   * - package\n     - from version\n{lines}"


def toctree(lines):
    return f".. toctree::\n   :maxdepth: 1\n\n{lines}" if lines else ""


def skip_member(app, what, name, member, skip, options):
    """Leave out what scikit-learn gives to all estimators, whose texts refer to its own pages, and what Python does."""
    of_sklearn = str(getattr(member, "__module__", "")).startswith("sklearn")
    of_python = isinstance(member, (types.BuiltinFunctionType, types.MethodDescriptorType))
    return True if of_sklearn or of_python or re.fullmatch(r"set_\w+_request|set_output", name) else skip


def escape_shapes(app, what, name, member, options, lines):
    """Let a shape such as (n_rows, *features) or (n_features_in_,) be no markup."""
    parts = "\n".join(lines).split("``")
    parts[::2] = [re.sub(r"(?<=[(, ])\*(?=\w+[,)])|(?<=\w)_(?=[,)])", r"\\\g<0>", part) for part in parts[::2]]
    lines[:] = "``".join(parts).split("\n")


def setup(app):
    """Write the pages that are made of the package itself."""
    app.connect("autodoc-skip-member", skip_member)
    # After numpydoc, which has the priority 500.
    app.connect("autodoc-process-docstring", escape_shapes, priority=600)
    write(HERE / "api" / "index.rst", api_page())
    write(HERE / "generated" / "versions.txt", versions_table())
    write(HERE / "generated" / "benchmarks.txt", toctree(pages_that_are_there("", "benchmarks")))
