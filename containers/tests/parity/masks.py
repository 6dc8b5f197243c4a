"""What may differ between two platforms, given names: the same value gets the same name wherever it stands.

A name says where the value was seen first. So a comparison still sees that the hash in a topic is that of the
row, and that a time was carried with its microseconds; it does not see which hash or which time.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")

_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
_HASH = re.compile(r"(\$argon2id\$v=19\$m=\d+,t=\d+,p=\d+\$)[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+")
_MICROS = re.compile(
    r'"(firstvisit|last_changed_PW|regDate|suspended_at|suspended_until|lifted_at)":(\d{16})\b'
)
_MILLIS = re.compile(r'"(activated_at|updated_at)":(\d{13})\b')
_ID = re.compile(r'"(id|_id|user_id)":(-?\d+)\b')
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
_DAY_AND_TIME = re.compile(r"\d{1,2} [A-Z][a-z]+ \d{4}, \d\d:\d\d(?= UTC)")
_SESSION = re.compile(r'"session_id":"([\w-]{32})"')
_RANDOM = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b|\b[0-9a-f]{32}\b")


class Masks:
    """Gives names to the values of one platform.

    urls: the platform's own addresses, by service.
    """

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = urls
        self._names: dict[tuple[str, object], str] = {}

    def name(self, kind: str, value: object, place: str) -> str:
        """The name of this value; where it is new, after its place."""
        return self._names.setdefault((kind, value), f"<{kind} of {place}>")

    def moment(self, value: datetime, place: str) -> str:
        """Of a time, to the microsecond."""
        return self._micros(round((value - _EPOCH).total_seconds() * 1_000_000), place)

    def identity(self, kind: str, value: int, place: str) -> str:
        """Of a row: engines count in different steps. Users' ids have one name everywhere."""
        return self.name(f"{kind} id", value, place)

    def payload(self, text: str, kind: str, place: str) -> str:
        """The text of a record's key or value; byte for byte what it was but for the names.

        kind: of what `id` is the identity.
        """

        def identity(found: re.Match[str]) -> str:
            of = "users" if found[1] == "user_id" else kind
            return f'"{found[1]}":{self.identity(of, int(found[2]), place)}'

        text = _MICROS.sub(lambda found: self._timed(found, 1, place), text)
        text = _MILLIS.sub(lambda found: self._timed(found, 1000, place), text)
        return self.secrets(_ID.sub(identity, text), place)

    def secrets(self, text: str, place: str) -> str:
        """Without tokens, hashes, request ids and addresses of the platform."""
        named: Mapping[str, re.Pattern[str]] = {"token": _JWT, "random": _RANDOM}
        for kind, pattern in named.items():
            text = pattern.sub(self._namer(kind, place), text)
        text = _HASH.sub(lambda found: found[1] + self.name("hash", found[0], place), text)
        for service, url in self._urls.items():
            text = text.replace(url, f"<{service}>")
        return text

    def answer(self, text: str, place: str) -> str:
        """The body of an answer: as secrets(), without its times; their form stays."""
        text = _RFC_3339.sub(lambda found: re.sub(r"\d", "9", re.sub(r"\.\d+", ".9", found[0])), text)
        text = re.sub(r'"user_id":\d+', '"user_id":9', text)
        text = _SESSION.sub(
            lambda found: found[0].replace(found[1], self.name("session", found[1], place)), text
        )
        return self.secrets(text, place)

    def mail(self, text: str, place: str) -> str:
        """The text of a mail: as answer(), in one line, because a shorter date breaks lines elsewhere."""
        return self.answer(_DAY_AND_TIME.sub("9 May 9999, 99:99", " ".join(text.split())), place)

    def _namer(self, kind: str, place: str) -> Callable[[re.Match[str]], str]:
        return lambda found: self.name(kind, found[0], place)

    def _timed(self, found: re.Match[str], factor: int, place: str) -> str:
        return f'"{found[1]}":{self._micros(int(found[2]) * factor, f"{place}.{found[1]}")}'

    def _micros(self, micros: int, place: str) -> str:
        return self.name("time", micros, place)
