"""The user's module: found, checked without running it, loaded, digested."""

from __future__ import annotations

import os
import pathlib
import sys

import pytest

from tfx_estimators.components.user_module import UserModule
from tfx_estimators.errors import ModuleContractError, UserModuleError


@pytest.fixture
def model(tmp_path: pathlib.Path) -> pathlib.Path:
    file = tmp_path / "a_model_of_the_user.py"
    file.write_text("import helper_beside_it\n\ndef run_fn(fn_args):\n    raise SystemExit\n")
    (tmp_path / "helper_beside_it.py").write_text("ANSWER = 42\n")
    return file


def test_contract_is_checked_without_running_the_module(model: pathlib.Path) -> None:
    model.write_text("raise SystemExit\ndef run_fn(fn_args): ...\n")
    UserModule.find(str(model), None).require([["run_fn"], ["other"]], of="EstimatorTrainer")


def test_missing_functions_are_named_with_every_alternative(model: pathlib.Path) -> None:
    module = UserModule.find(str(model), None)
    with pytest.raises(ModuleContractError) as caught:
        module.require([["trainer_fn"], ["feature_columns", "estimator_fn"]], of="EstimatorTrainer")
    message = str(caught.value)
    assert "trainer_fn()" in message
    assert "feature_columns() and estimator_fn()" in message
    assert "run_fn" in message
    assert str(model) in message


def test_names_bound_by_import_and_assignment_count(model: pathlib.Path) -> None:
    model.write_text("from os import path as run_fn\ntrainer_fn = run_fn\n")
    UserModule.find(str(model), None).require([["run_fn", "trainer_fn"]], of="x")


def test_nested_functions_do_not_count(model: pathlib.Path) -> None:
    model.write_text("def outer():\n    def run_fn(fn_args): ...\n    trainer_fn = 1\n")
    with pytest.raises(ModuleContractError):
        UserModule.find(str(model), None).require([["run_fn"], ["trainer_fn"]], of="x")


def test_digest_follows_the_module_and_its_neighbours(model: pathlib.Path) -> None:
    before = UserModule.find(str(model), None).digest
    assert UserModule.find(str(model), None).digest == before
    (model.parent / "helper_beside_it.py").write_text("ANSWER = 43\n")
    assert UserModule.find(str(model), None).digest != before


PACKAGE = {
    "model.py": """
import os, pathlib
from rules import numbers
HERE = pathlib.Path(__file__).parent
SHOPS = str(pathlib.Path(__file__).with_name("shops.txt"))
def feature_columns():
    folder = os.path.join(os.path.dirname(__file__), "words")
    return [SHOPS, HERE / "words" / "colors.txt", f"{folder}/sizes.txt", "beside.csv"]
""",
    "rules/__init__.py": "",
    "rules/numbers.py": "from . import units\ndef scaled(x): return x * units.TWO\n",
    "rules/units.py": "TWO = 2\n",
    "rules/unused.py": "",
    "pipeline.py": "import model",
    "shops.txt": "acme",
    "words/colors.txt": "red",
    "words/sizes.txt": "s",
    "words/unused.txt": "x",
    "beside.csv": "a",
}


@pytest.fixture
def package(tmp_path: pathlib.Path) -> pathlib.Path:
    for name, text in PACKAGE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.stacks
@pytest.mark.parametrize("name", sorted(PACKAGE))
def test_the_digest_follows_what_is_imported_or_named_and_nothing_else(
    package: pathlib.Path, name: str
) -> None:
    def digest() -> str:
        return UserModule.find(str(package / "model.py"), None).digest

    before = digest()
    with (package / name).open("a") as file:
        file.write("\n\n")
    unused = {"rules/unused.py", "pipeline.py", "words/unused.txt"}
    assert (digest() == before) == (name in unused)


def test_the_digest_of_a_package_is_the_same_elsewhere(package: pathlib.Path) -> None:
    before = UserModule.find(str(package / "model.py"), None).digest
    moved = package.rename(package.with_name("moved"))
    assert UserModule.find(str(moved / "model.py"), None).digest == before


def test_what_two_modules_import_under_one_name_is_kept_apart(tmp_path: pathlib.Path) -> None:
    answers = []
    for number in (1, 2):
        (tmp_path / f"{number}/rules_of_two/deep").mkdir(parents=True)
        (tmp_path / f"{number}/rules_of_two/deep/numbers.py").write_text(f"NUMBER = {number}\n")
        file = tmp_path / f"{number}/model_with_rules.py"
        file.write_text("from rules_of_two.deep.numbers import NUMBER\n")
        answers.append(UserModule.find(str(file), None).load().NUMBER)
    assert answers == [1, 2]


@pytest.mark.parametrize(
    ("module_file", "module_path", "word"),
    [
        (None, None, "exactly one"),
        ("a.py", "a", "exactly one"),
        ("nowhere.py", None, "nowhere.py"),
        (None, "no.such.module", "no.such.module"),
        (None, "math", "math"),
    ],
)
def test_what_is_not_there_is_named(
    module_file: str | None, module_path: str | None, word: str
) -> None:
    with pytest.raises(UserModuleError, match=word):
        UserModule.find(module_file, module_path)


def test_syntax_error_is_named_by_line(model: pathlib.Path) -> None:
    model.write_text("x = 1\ndef run_fn(:\n")
    with pytest.raises(UserModuleError, match="line 2"):
        UserModule.find(str(model), None).require([["run_fn"]], of="x")


def test_two_modules_of_one_name_are_kept_apart(tmp_path: pathlib.Path) -> None:
    answers = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "model_named_alike.py").write_text(f"NUMBER = {number}\n")
        module = UserModule.find(str(folder / "model_named_alike.py"), None).load()
        answers.append(module.NUMBER)
    assert answers == [1, 2]


def test_a_module_is_found_again_after_another_of_its_name(tmp_path: pathlib.Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / f"{name}/beside_model_found_again.py").write_text(f"NAME = {name!r}\n")
        (tmp_path / f"{name}/model_found_again.py").write_text(
            "def name():\n    from beside_model_found_again import NAME\n    return NAME\n"
        )
    folders, answers = ["a", "b", "a"], []
    for folder in folders:
        file = tmp_path / f"{folder}/model_found_again.py"
        loaded = UserModule.find(str(file), None).load()
        answers.append((pathlib.Path(loaded.__file__ or "").parent.name, loaded.name()))
        assert os.environ["PYTHONPATH"].split(os.pathsep)[0] == str(tmp_path / folder)
    assert answers == [(folder, folder) for folder in folders]


def test_what_a_package_imports_by_a_name_made_at_run_time_is_its_own(
    tmp_path: pathlib.Path,
) -> None:
    answers = []
    for number in (1, 2, 1):
        folder = tmp_path / f"{number}/shapes_of_two"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "__init__.py").write_text(
            "import importlib\n"
            "NUMBER = importlib.import_module('.'.join([__name__, 'numbers'])).NUMBER\n"
        )
        (folder / "numbers.py").write_text(f"NUMBER = {number}\n")
        file = folder.parent / "model_with_shapes.py"
        file.write_text("from shapes_of_two import NUMBER\n")
        answers.append(UserModule.find(str(file), None).load().NUMBER)
    assert answers == [1, 2, 1]


def test_a_package_of_another_folder_is_not_taken_for_a_folder_of_its_name(
    tmp_path: pathlib.Path,
) -> None:
    """Python takes a package anywhere on the path before a folder without `__init__.py`."""
    for name in ("package", "plain"):
        inside = tmp_path / name / "corners_of_two"
        inside.mkdir(parents=True)
        (inside / "round.py").write_text(f"FOLDER = {name!r}\n")
        (tmp_path / name / "model_with_corners.py").write_text(
            "from corners_of_two.round import FOLDER\n"
        )
    (tmp_path / "package/corners_of_two/__init__.py").touch()
    files = [str(tmp_path / name / "model_with_corners.py") for name in ("package", "plain")]

    assert UserModule.find(files[0], None).load().FOLDER == "package"
    with pytest.raises(UserModuleError, match="plain/corners_of_two"):
        UserModule.find(files[1], None).load()
    (tmp_path / "plain/corners_of_two/__init__.py").touch()
    assert UserModule.find(files[1], None).load().FOLDER == "plain"
    assert UserModule.find(files[0], None).load().FOLDER == "package"


def test_loading_finds_neighbours_and_chains_the_cause(model: pathlib.Path) -> None:
    module = UserModule.find(str(model), None)
    assert module.load().helper_beside_it.ANSWER == 42
    sys.modules.pop(model.stem)
    model.write_text("1 / 0\n")
    with pytest.raises(UserModuleError) as caught:
        module.load()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_survives_the_trip_through_execution_properties(model: pathlib.Path) -> None:
    module = UserModule.find(str(model), None)
    assert UserModule.from_exec_properties(module.exec_properties()) == module


@pytest.mark.stacks
def test_tensors_of_a_modules_top_outlast_the_graph_in_which_it_is_loaded(
    tmp_path: pathlib.Path,
) -> None:
    import tensorflow as tf

    file = tmp_path / "model_with_a_constant.py"
    file.write_text("import tensorflow as tf\nONE = tf.constant(1.0)\n")
    module = UserModule.find(str(file), None)

    @tf.function
    def traced() -> tf.Tensor:
        return 1.0 + module.load().ONE

    assert traced() == 2.0
    assert float(module.load().ONE) == 1.0
