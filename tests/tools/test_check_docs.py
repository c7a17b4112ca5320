import tomllib
from pathlib import Path

import click
import pytest

from tools import check_docs


@click.group()
def program() -> None:
    """A program to call."""


@program.group()
@click.option("--config", "-c")
def domain(config: str) -> None:
    """Domains."""


@domain.command()
@click.argument("name")
@click.option("--json", is_flag=True)
def add(name: str, json: bool) -> None:
    """Add a domain."""


@program.group()
def config() -> None:
    """Settings."""


@config.command()
@click.option("-c", "file", type=click.Path(exists=True, path_type=Path))
def show(file: Path) -> None:
    """Refuse every setting but the port."""
    if unknown := tomllib.loads(file.read_text()).keys() - {"port"}:
        raise click.ClickException(f"no setting {unknown.pop()}")


def write_pages(root: Path, pages: dict[str, str]) -> dict[Path, str]:
    for name, text in pages.items():
        (root / name).parent.mkdir(exist_ok=True, parents=True)
        (root / name).write_text(text)
    return check_docs.read_pages(root)


def test_links_to_files_and_headings_that_exist_pass(tmp_path: Path) -> None:
    pages = write_pages(
        tmp_path,
        {
            "README.md": (
                "# Hello, `world`\n[a](docs/a.md#two-words) [b](#hello-world) [c](https://example.org/x) `[d](no)`"
            ),
            "docs/a.md": "## Two words\n[up](../README.md) ![picture](../picture.svg)\n```md\n[e](no)\n```\n",
            "picture.svg": "",
        },
    )

    assert list(check_docs.broken_links(pages)) == []


@pytest.mark.parametrize("link", ["no.md", "docs/a.md#none", "#none", "docs/../no"])
def test_a_link_that_leads_nowhere_is_named(tmp_path: Path, link: str) -> None:
    pages = write_pages(tmp_path, {"README.md": f"# One\n[x]({link})", "docs/a.md": "# One"})

    (complaint,) = check_docs.broken_links(pages)

    assert complaint.startswith(f"{tmp_path / 'README.md'}: {link}")


def test_a_page_that_only_lost_pages_link_to_is_lost(tmp_path: Path) -> None:
    pages = write_pages(
        tmp_path,
        {
            "README.md": "[a](docs/a.md)",
            "docs/a.md": "[b](b.md)",
            "docs/b.md": "",
            "docs/x.md": "[y](y.md)",
            "docs/y.md": "[x](x.md)",
        },
    )

    lost = list(check_docs.lost_pages(pages, [tmp_path / "README.md"]))

    assert [f"{tmp_path / 'docs' / name}: no link leads here" for name in ("x.md", "y.md")] == lost


@pytest.mark.parametrize(
    "call",
    [
        "pillarbox domain -c some.toml add --json example.org",
        "pillarbox domain --config=x add example.org",
        "just test -k x",
    ],
)
def test_a_call_of_what_exists_passes(call: str) -> None:
    pages = {Path("a.md"): f"Say `{call}` or\n```sh\n.venv/bin/{call} && ls  # pillarbox nonsense\n```\n"}

    assert list(check_docs.wrong_calls(pages, program, {"test"})) == []


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        ("pillarbox domian add", "pillarbox has no command domian"),
        ("pillarbox domain sub", "pillarbox domain has no command sub"),
        ("pillarbox domain add --jsno x", "pillarbox domain add has no option --jsno"),
        ("just tset", "there is no recipe `just tset`"),
    ],
)
def test_a_call_of_what_does_not_exist_is_named(call: str, complaint: str) -> None:
    inline = {Path("a.md"): f"Say `{call}`."}
    block = {Path("a.md"): f"```sh\n$ cd x && {call}\n```\n"}

    assert [f"a.md: {complaint}"] == list(check_docs.wrong_calls(inline, program, {"test"}))
    assert [f"a.md: {complaint}"] == list(check_docs.wrong_calls(block, program, {"test"}))


def test_a_configuration_that_the_program_refuses_is_named() -> None:
    pages = {
        Path("good.md"): "```toml\nport = 80\n```\n```json\n{}\n```\n",
        Path("bad.md"): "```toml\nport = 80\n```\n```toml\nprot = 80\n```\n",
    }

    (complaint,) = check_docs.wrong_settings(pages, program)

    assert complaint == "bad.md: the program refuses this configuration: Error: no setting prot"


def test_the_recipes_of_a_justfile_are_found() -> None:
    text = 'python := "x"\nexport A := "b"\n\n# Runs\nrun *ARGS:\n    ls\n\nci: lint test\n'

    assert [match["name"] for match in check_docs.RECIPE.finditer(text)] == ["run", "ci"]


def test_a_test_that_is_named_exists(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_a.py").write_text("def test_one() -> None: ...\ndef test_two_more() -> None: ...\n")
    names = ("test_a.py::test_one", "test_a.py::test_two", "test_b.py::test_one")
    pages = write_pages(tmp_path, {"docs/index.md": " ".join(f"`tests/{name}`" for name in names)})
    complaints = [line.partition(": ")[2] for line in check_docs.missing_tests(pages, tmp_path)]
    assert complaints == [f"there is no test tests/{name}" for name in names[1:]]
