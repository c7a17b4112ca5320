from pathlib import Path

from tools import check_names


def test_modules_and_packages_named_for_nothing_are_found(tmp_path: Path) -> None:
    for name in ("utils.py", "mail_helpers.py", "common/__init__.py", "base64.py", "email/__init__.py", "header.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    found = {path.relative_to(tmp_path).as_posix() for path in check_names.nameless(tmp_path)}

    assert {"utils.py", "mail_helpers.py", "common/__init__.py"} == found
