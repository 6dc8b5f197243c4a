"""The HTML of a mail, which anybody may have written, as a frame that may be shown.

The frame may load nothing, run nothing and send nothing; its links open in a window of their own, and only
when somebody follows them.
"""

import re

from sanic import HTTPResponse

SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
"""What the frame is allowed, in its policy and on the page around it."""

_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
        f"frame-ancestors 'self'; base-uri 'none'; sandbox {SANDBOX}"
    ),
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-dns-prefetch-control": "off",
}
_HEAD = re.compile(r"<head(?=[\s>])[^<>]*>", re.IGNORECASE)
_NEW_WINDOW = '<base target="_blank">'


def frame_answer(html: str) -> HTTPResponse:
    """The HTML part of a mail as an answer for a sandboxed frame."""
    head = _HEAD.search(html)
    at = head.end() if head else 0
    text = html[:at] + _NEW_WINDOW + html[at:]
    return HTTPResponse(text, headers=_HEADERS, content_type="text/html; charset=utf-8")
