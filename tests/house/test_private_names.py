"""The list of private names that a new TensorFlow or TFX may break."""

from __future__ import annotations

import private_names


def test_every_private_name_says_on_which_versions_it_was_seen() -> None:
    silent = {entry.module: entry.names for entry in private_names.touched() if not entry.seen_on}
    assert silent == {}, "say in the module's docstring: seen on TensorFlow 2.15 to 2.21"


def test_the_page_lists_what_the_sources_touch() -> None:
    written = private_names.PAGE.read_text(encoding="utf-8")
    assert written == private_names.page(), "run: python tests/support/private_names.py"


def test_a_private_name_is_found_however_it_is_reached() -> None:
    import ast

    tree = ast.parse(
        "from tensorflow.python.util import tf_export\n"
        "thing._hidden = other\n"
        "getattr(thing, '_by_name', None)\n"
        "importlib.import_module('tensorflow.python.tpu')\n"
        "self._own\n"
    )
    assert set(private_names._private(tree, {"_own"})) == {
        "tensorflow.python.util.tf_export",
        "_hidden",
        "_by_name",
        "tensorflow.python.tpu",
    }
