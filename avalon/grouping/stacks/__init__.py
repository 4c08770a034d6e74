"""Stacks that clients send as text: one module per language family, each a pure `parse(text)`."""

from avalon.grouping.stacks.dispatch import parse_stack

__all__ = ["parse_stack"]
