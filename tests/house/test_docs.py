"""Every command, route and error is documented as it is; every page is in the navigation; every link leads somewhere.

(Settings: tests/settings/test_settings.py. Jurisdictions: tests/rulebook/test_catalogue.py.)
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from fastapi.routing import APIRoute

from api.app import ROUTERS, create_app
from cli.reference import commands, markdown
from domain import errors
from domain.time import SystemClock
from storage.settings import Settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def test_the_page_of_commands_is_what_the_commands_say() -> None:
    assert len(list(commands())) > 20
    assert (DOCS / "commands.md").read_text() == markdown(), "run `python -m cli.reference > docs/commands.md`"


def test_every_option_of_every_command_says_what_it_does() -> None:
    silent = [
        f"{path} {param.name}"
        for path, command in commands()
        for param in command.params
        if not param.help and param.param_type_name == "option"
    ]
    assert silent == []


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_every_command_line_shown_is_one_that_exists(page: Path) -> None:
    known = {path: {name for param in command.params for name in param.opts} for path, command in commands()}
    wrong = []
    for line in re.findall(r"(?:^|`|\$ )ratiocast ([a-z][^`#\n]*)", page.read_text(), re.MULTILINE):
        words = line.split()
        path = next((path for path in (" ".join(words[:2]), words[0]) if path in known), None)
        groups = {path.split()[0] for path in known if " " in path}
        if path is None and not (words[0] in groups and len(words) == 1):
            wrong.append(f"ratiocast {line}: no such command")
        used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", line)) - {"--help"}
        wrong += [f"ratiocast {line}: no option {name}" for name in used - known.get(path or "", used)]
    assert wrong == []


def test_every_error_is_explained_with_its_exit_code_and_status() -> None:
    text = (DOCS / "errors.md").read_text()
    rows = {row[0].strip("`"): row for row in table(text)}
    known = {
        kind.__name__: kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.RatiocastError)
    }
    assert set(rows) == set(known)
    for name, (_, meaning, exit_code, status, remedy) in rows.items():
        assert (int(exit_code), int(status)) == (known[name].exit_code, known[name].http_status), name
        assert meaning, name
        assert remedy, name


def test_every_route_of_the_api_is_documented_and_no_other(tmp_path: Path) -> None:
    routes = {
        f"{method} {route.path}"
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    schema = create_app(Settings(data_dir=tmp_path), SystemClock(), console=False).openapi()
    public = {f"{method.upper()} {path}" for path, methods in schema["paths"].items() for method in methods}
    documented = {row[0].strip("`") for row in table((DOCS / "api.md").read_text()) if "/v1/" in row[0]}
    assert documented == routes
    assert public <= documented


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    targets = [link.split("#")[0] for link in LINK.findall(page.read_text()) if "://" not in link]
    assert [target for target in targets if target and not (page.parent / target).exists()] == []


def test_every_page_is_in_the_navigation() -> None:
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    assert set(leaves(config["nav"])) == {str(page.relative_to(DOCS)) for page in PAGES}


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    loaded = re.compile(r'<(?:script|link|img)[^>]+(?:src|href)="(https?://[^"]+)"')
    assert {address for page in tmp_path.rglob("*.html") for address in loaded.findall(page.read_text())} == set()


def table(text: str) -> list[list[str]]:
    """Rows of all Markdown tables, without heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    heads = {number - 1 for number, row in enumerate(rows) if set("".join(row)) <= set("-: ")}
    return [row for number, row in enumerate(rows) if number not in heads and set("".join(row)) - set("-: ")]


def leaves(nav: object) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else []
    return [leaf for part in parts for leaf in leaves(part)]
