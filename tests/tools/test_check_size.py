import ast
from pathlib import Path

import pytest

from tools import check_size
from tools.check_size import Allowance, Size


def test_a_function_is_measured_without_its_docstring() -> None:
    source = 'def f() -> int:\n    """One.\n\n    Two.\n    """\n    x = 1\n    return x\n'

    assert list(check_size.function_lines(ast.parse(source))) == [("f", 3)]


def test_methods_and_nested_functions_have_names_of_their_own() -> None:
    source = "class A:\n async def f(self):\n  def g():\n   pass\n  if g:\n   def h(): pass\n"

    names = {name for name, _ in check_size.function_lines(ast.parse(source))}

    assert {"A.f", "A.f.g", "A.f.h"} == names


@pytest.mark.parametrize(("folder", "file_limit", "function_limit"), [("src", 300, 50), ("tests", 500, 80)])
def test_files_and_functions_are_held_to_their_limits(
    tmp_path: Path, folder: str, file_limit: int, function_limit: int
) -> None:
    (tmp_path / folder).mkdir()
    body = "    pass\n" * function_limit
    (tmp_path / folder / "long.py").write_text(f"def f():\n{body}" + "# so\n" * (file_limit - function_limit))

    found = list(check_size.complaints(list(check_size.sizes(tmp_path)), {}))

    assert [
        f"{folder}/long.py: {file_limit + 1} lines, allowed are {file_limit}",
        f"{folder}/long.py::f: {function_limit + 1} lines, allowed are {function_limit}",
    ] == found


@pytest.mark.parametrize(
    ("lines", "allowance", "complaint"),
    [
        (310, Allowance(310, "a table"), ""),
        (311, Allowance(310, "a table"), "src/a.py: 311 lines, allowed are 310"),
        (300, Allowance(310, "a table"), "src/a.py: 300 lines need no exception any more"),
        (310, Allowance(310, " "), "src/a.py: an exception needs a reason"),
    ],
)
def test_an_exception_must_be_needed_and_have_a_reason(lines: int, allowance: Allowance, complaint: str) -> None:
    found = check_size.complaints([Size("src/a.py", lines, 300)], {"src/a.py": allowance})

    assert complaint == "\n".join(found)


def test_an_exception_for_what_is_gone_is_refused() -> None:
    found = check_size.complaints([], check_size.read_allowed('["src/b.py"]\nlines = 400\nreason = "so"\n'))

    assert list(found) == ["src/b.py: does not exist any more, yet has an exception"]
