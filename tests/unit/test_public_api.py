"""Every public module says what it offers: `__all__` is a tuple that names each public class and function.

Constants and aliases are listed where they are meant for other rooms; the rest are a module's own affair.
Read from the source, not by importing, so that modules of extras that are not installed are checked too.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src"
OFFERS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def public_modules() -> list[str]:
    paths = (path.relative_to(SRC) for path in (SRC / "s4allcities").rglob("*.py"))
    names = (path.as_posix() for path in paths)
    return sorted(name for name in names if "/_" not in name.replace("/__init__.py", ""))


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Top-level statements, looking into `if` and `try` blocks but not into functions or classes."""
    for node in body:
        yield node
        for field in ("body", "orelse", "finalbody"):
            if isinstance(node, ast.If | ast.Try):
                yield from statements(getattr(node, field, []))


def targets(node: ast.stmt) -> Iterator[str]:
    """Names that this statement defines (imports are not definitions)."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=found):
            yield from (leaf.id for item in found for leaf in ast.walk(item) if isinstance(leaf, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
            yield name


def imported(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)


def exports(tree: ast.Module) -> ast.expr | None:
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and "__all__" in targets(node):
            return node.value
    return None


@pytest.mark.parametrize("name", public_modules())
def test_all_is_a_complete_tuple(name: str) -> None:
    tree = ast.parse((SRC / name).read_text(encoding="utf-8"))
    found = list(statements(tree.body))
    defined = {target for node in found for target in targets(node)}
    made = (node.name for node in found if isinstance(node, OFFERS))
    public = {entry for entry in made if not entry.startswith("_")}
    value = exports(tree)
    if value is None:
        assert not public, f"{name} defines {sorted(public)} and has no __all__"
        return
    assert isinstance(value, ast.Tuple), f"{name}: __all__ must be a tuple"
    listed = ast.literal_eval(value)
    known = defined | {entry for node in found for entry in imported(node)}
    siblings = (
        {path.stem for path in (SRC / name).parent.glob("*")} if name.endswith("__init__.py") else set()
    )
    lazy = "__getattr__" in defined
    assert len(set(listed)) == len(listed), f"{name}: __all__ names something twice"
    assert public <= set(listed), f"{name}: __all__ lacks {sorted(public - set(listed))}"
    missing = set(listed) - known - siblings
    assert lazy or not missing, f"{name}: __all__ names what is not there: {sorted(missing)}"
