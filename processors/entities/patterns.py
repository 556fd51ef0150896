"""Recognises entities without a model: by their format (addresses, numbers, dates, money), or by capital letters.

Labels are spaCy's where it has one. All patterns are bounded, so the time is in proportion to the text.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator

from processors.entities.names import Span, names

Recognize = Callable[[str], Iterator[tuple[str, str]]]

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
_AMOUNT = r"\d{1,15}(?:[.,]\d{1,9}){0,5}"
_MUCH = r"(?:\s?(?:thousand|million|billion|trillion|bn|[kKmM])\b)?"
# In this order: if two match at the same place, the first one wins.
_FORMS = {
    "URL": r"\b(?:https?|ftp)://[^\s<>\"'`)\]}]{1,2000}|\bwww\.[^\s<>\"'`)\]}]{1,2000}",
    "EMAIL": r"(?<![\w.+-])[\w+-][\w.+-]{0,63}+@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}",
    "IBAN": r"\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){2,7}(?:\s?[A-Z0-9]{1,3})?\b",
    "IP": r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4})(?![\w:]|\.\d)",
    "MONEY": rf"[$€£¥]\s?{_AMOUNT}{_MUCH}|\b{_AMOUNT}{_MUCH}\s?(?:€|£|(?:USD|EUR|GBP|SEK|CHF|JPY|dollars?|euros?)\b)",
    "PERCENT": rf"\b{_AMOUNT}\s?(?:%|per\s?cent\b)",
    "DATE": (
        r"\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}(?:\.\d{1,2}\.|/\d{1,2}/)\d{2}(?:\d{2})?\b"
        rf"|\b{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s\d{{4}}\b)?|\b{_MONTH}\s\d{{4}}\b"
        rf"|\b\d{{1,2}}(?:\.|st|nd|rd|th)?\s(?:of\s)?{_MONTH}(?:\s\d{{4}}\b)?"
        r"|\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b"
    ),
    "TIME": r"\b\d{1,2}:\d{2}(?::\d{2})?(?:\s?[ap]\.?m\b\.?)?|\b\d{1,2}\s?[ap]m\b",
    "CARD": r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])",
    "PHONE": r"(?<!\w)\+\d{1,3}(?:[ ./-]?\(?\d{1,5}\)?){1,6}(?!\w)|(?<!\w)\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?!\w)",
}
_ALL = re.compile("|".join(f"(?P<{label}>{form})" for label, form in _FORMS.items()))
_TRAILING = ".,;:!?"


def load() -> Recognize:
    """Create the recogniser."""
    return recognize


def recognize(text: str) -> Iterator[tuple[str, str]]:
    """Yield the entities in `text` in order, each with its text and label."""
    for start, end, label in sorted(_spans(text)):
        yield text[start:end], label


def _spans(text: str) -> Iterator[Span]:
    """Yield entities with a format of their own, and names in the rest of the text."""
    taken = bytearray(len(text))
    for start, end, label in _formatted(text):
        taken[start:end] = b"\1" * (end - start)
        yield start, end, label
    for start, end, label in names(text):
        if not any(taken[start:end]):
            yield start, end, label


def _formatted(text: str) -> Iterator[Span]:
    for match in _ALL.finditer(text):
        label = match.lastgroup or ""
        found = match.group().rstrip(_TRAILING) if label == "URL" else match.group()
        if _is_valid(label, found):
            yield match.start(), match.start() + len(found), label


def _is_valid(label: str, found: str) -> bool:
    """Verify a match where check digits or a parser can do so."""
    match label:
        case "IP":
            return _is_address(found)
        case "CARD":
            return _is_card("".join(filter(str.isdigit, found)))
        case "IBAN":
            return _is_iban("".join(found.split()))
        case "PHONE":
            return sum(map(str.isdigit, found)) >= 8  # noqa: PLR2004 - shorter numbers may be anything
    return True


def _is_address(found: str) -> bool:
    try:
        ipaddress.ip_address(found)
    except ValueError:
        return False
    return any(map(str.isdigit, found))  # a::b is a name in some programming languages


def _is_card(digits: str) -> bool:
    """Check Luhn's check digit."""
    doubled = [int(digit) * (1 + index % 2) for index, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0  # noqa: PLR2004 - digit sum


def _is_iban(code: str) -> bool:
    """Check an IBAN (ISO 13616): rearranged and with letters as numbers, the remainder modulo 97 is 1."""
    return int("".join(str(int(sign, 36)) for sign in code[4:] + code[:4])) % 97 == 1
