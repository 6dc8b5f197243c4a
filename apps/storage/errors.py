"""What a store may raise: StorageUnavailable to everyone, DuplicateDocument to its caller, SchemaUnknown at
start.
"""

from apps.auth.errors import Refusal


class StorageUnavailable(Refusal):
    """The store cannot be reached or cannot write just now; nothing is known to have been written."""

    status = 503
    code = "STORAGE_UNAVAILABLE"
    title = "Storage is not available"
    detail = "The request was not carried out. Try again shortly."

    def __init__(self, *, retry_after_seconds: int = 1) -> None:
        super().__init__(retry_after_seconds=retry_after_seconds)


class DuplicateDocument(Exception):
    """A document with this `_id` exists already and the filter of the write does not match it."""


class SchemaUnknown(Exception):
    """The database `name` has a schema that no script of this program makes: a newer one has migrated it."""

    def __init__(self, name: str, revision: str) -> None:
        super().__init__(f"{name} has the schema {revision}, which is newer than this program")
        self.name = name
        self.revision = revision
