"""What is secret in rows, documents and records: that it is there is told, and no more."""

import json
import re
from typing import Any

SECRET = frozenset({"password", "auth_token", "params"})
"""Columns and members: a password hash, a receipt, the claims of a mail."""

_SHAPES = re.compile(r"\$(?:argon2|scrypt|pbkdf2|2[abxy]?\$)[^\s\"'<>]*|(?<![\w-])eyJ[\w.-]{8,}")
"""Hashes and tokens by their looks, for text that names no members: a broken record, a reason."""

_USERINFO = re.compile(r"(://[^:/?#@]*:).*@", re.DOTALL)
"""Up to the last @: a password that is not percent-encoded may hold anything."""

TOO_DEEP = "(nested too deeply to be shown)"


def masked(value: Any) -> Any:
    """The value with "set" in place of each secret that is not empty; containers are copied."""
    if isinstance(value, dict):
        return {
            masked_text(str(name)): "set" if name in SECRET and item else masked(item)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [masked(item) for item in value]
    return masked_text(value) if isinstance(value, str) else value


def masked_text(text: str) -> str:
    """Text of anybody's: JSON in it is masked by its members, the rest by looks. It can be encoded."""
    if text[:1] in ("{", "["):
        try:
            text = json.dumps(masked(json.loads(text)), ensure_ascii=False)
        except RecursionError:
            return TOO_DEEP
        except ValueError:
            pass  # it only looks like JSON
    return _SHAPES.sub("***", text).encode("utf-8", "replace").decode()


def masked_url(text: str) -> str:
    """An address without the password that may stand in it, well-formed or not."""
    return _USERINFO.sub(r"\1***@", text)


def masked_parts(text: str) -> tuple[str, str | None]:
    """What a record's key or value says, laid out if it is JSON, and the schema that stands beside it."""
    try:
        value, schema = masked(json.loads(text)), None
        if isinstance(value, dict) and value.keys() == {"schema", "payload"}:
            value, schema = value["payload"], _laid_out(value["schema"])
        return _laid_out(value), schema
    except RecursionError:
        return TOO_DEEP, None
    except ValueError:
        return masked_text(text), None


def _laid_out(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
