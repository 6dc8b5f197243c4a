"""Placeholder until the document lands."""

from collections.abc import Sequence

from apps.web.operations import Operation


def document_operations(service: str, operations: Sequence[Operation]) -> list[Operation]:
    """None yet."""
    return []
