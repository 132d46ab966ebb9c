"""`python -m cli.reference > docs/commands.md`: every command with its options, from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from cli import app

HEAD = """# Commands

This page is made from the commands themselves (`python -m cli.reference > docs/commands.md`); a test compares the two.

Every command takes `--help`; those that print results take `--json`. Settings come from the environment, a TOML file or
their defaults ([settings](settings.md)). Progress goes to standard error.

Exit codes: 0 done; 1 it could not be done, 2 something given is wrong: the last line on standard error is one sentence
that says what to do ([errors](errors.md)); 3 done, but something was left out (a center without rooms, say) that
standard error names.
"""


def markdown() -> str:
    """The whole page."""
    parts = [HEAD]
    for path, command in commands():
        parts.append("\n".join([f"## `ratiocast {path}`", "", *_described(path, command)]))
    return "\n".join(parts)


def commands() -> Iterator[tuple[str, Any]]:
    """('rules check', command) for every command, groups in the order of `--help`."""
    yield from _leaves(typer.main.get_command(app), ())


def _leaves(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield " ".join(path), command
        return
    if command.invoke_without_command:
        yield " ".join(path), command
    for name, part in command.commands.items():
        yield from _leaves(part, (*path, name))


def _described(path: str, command: Any) -> list[str]:
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    options = [param for param in command.params if param.param_type_name == "option"]
    needed = [f"{param.opts[0]} ..." for param in options if param.required]
    usage = " ".join(["ratiocast", path, *(param.name.upper() for param in arguments), *needed])
    lines = [" ".join((command.help or "").split()), "", "```", usage + (" [options]" if options else ""), "```", ""]
    rows = [(f"`{param.name.upper()}`", param) for param in arguments]
    rows += [(f"`{_names(param)}`", param) for param in options]
    if rows:
        lines += ["| option | default | meaning |", "|---|---|---|"]
        lines += [f"| {name} | {_default(param)} | {_cell(param.help or '')} |" for name, param in rows]
        lines.append("")
    return lines


def _names(param: Any) -> str:
    return ", ".join([*param.opts, *param.secondary_opts])


def _default(param: Any) -> str:
    if param.required:
        return "needed"
    return "" if param.default in (None, "", False, ()) or callable(param.default) else f"`{param.default}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    typer.echo(markdown(), nl=False)
