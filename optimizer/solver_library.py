"""OR-Tools' MathOpt, loaded when it is first used: a service that reads plans and poses days does without it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ortools.math_opt.python import mathopt as mathopt
else:

    class _Library:
        def __getattr__(self, name: str) -> Any:
            return getattr(import_module("ortools.math_opt.python.mathopt"), name)

    mathopt = _Library()
