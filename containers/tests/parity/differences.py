"""Where two platforms differ, in lines that somebody can read."""

from collections.abc import Iterator, Mapping

WINDOW = 60


def differences(left: Mapping[str, str], right: Mapping[str, str], names: tuple[str, str]) -> list[str]:
    """One entry for each place that differs; of long texts what stands around the first difference."""
    return list(_each(left, right, names))


def _each(left: Mapping[str, str], right: Mapping[str, str], names: tuple[str, str]) -> Iterator[str]:
    width = max(map(len, names))
    for place in [*left, *(place for place in right if place not in left)]:
        texts = (left.get(place), right.get(place))
        if texts[0] != texts[1]:
            at = _first_difference(texts[0] or "", texts[1] or "")
            shown = [
                f"    {name:<{width}}  {'(not there)' if text is None else _around(text, at)}"
                for name, text in zip(names, texts, strict=True)
            ]
            yield "\n".join([place, *shown])


def _first_difference(left: str, right: str) -> int:
    pairs = zip(left, right, strict=False)
    return next((n for n, (one, other) in enumerate(pairs) if one != other), min(len(left), len(right)))


def _around(text: str, at: int) -> str:
    first, last = max(0, at - WINDOW), at + WINDOW
    return f"{'…' if first else ''}{text[first:last]!r}{'…' if last < len(text) else ''}"
