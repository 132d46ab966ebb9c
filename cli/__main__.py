"""`python -m cli` is the `ratiocast` command."""

from cli import main

main()
