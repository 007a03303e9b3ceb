"""The examples in docstrings do what they say."""

import doctest
import importlib
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src"


def modules_with_examples() -> list[str]:
    found = (path for path in SRC.rglob("*.py") if ">>> " in path.read_text(encoding="utf-8"))
    names = (path.relative_to(SRC).with_suffix("").as_posix().replace("/", ".") for path in found)
    return sorted(name.removesuffix(".__init__") for name in names)


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_in_docstrings(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("s4allcities"):
            raise
        pytest.skip(f"needs {missing.name}, which an extra brings")
    result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert result.attempted, f"{name} has examples that are not in docstrings"
    assert result.failed == 0
