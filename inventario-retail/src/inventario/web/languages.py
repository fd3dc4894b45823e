"""Which language a person reads, and how numbers, money and dates look in it."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_time
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations
from starlette.types import Scope

__all__ = ["COOKIE", "LANGUAGES", "Language", "catalog", "language_of"]

COOKIE = "inventario_language"
LOCALE_DIRECTORY = Path(__file__).parent.parent / "locale"
# What happens to no store in particular is told in the time of most shops that use this.
SHOP_ZONE = "America/Argentina/Buenos_Aires"
_NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Language:
    """One language of the pages. ``tag`` is what stands in ``<html lang>``, ``name`` what its speakers call it."""

    tag: str
    name: str

    @cached_property
    def locale(self) -> Locale:
        """Babel's rules for it."""
        return Locale.parse(self.tag, sep="-")

    @cached_property
    def translations(self) -> NullTranslations:
        """Its sentences. The source language has none: the text of the templates is what it shows."""
        if self.tag == "en":
            return NullTranslations()
        compiled = io.BytesIO()
        write_mo(compiled, catalog(self.tag))
        compiled.seek(0)
        return Translations(compiled)

    def text(self, message: str) -> str:
        """Translate *message*; what has no translation stays English."""
        return str(self.translations.ugettext(message)) if message else ""

    def sentence(self, message: str) -> str:
        """Translate a sentence of an error, whose names and numbers are filled in already.

        Errors keep what is wrong and what to do as parts of a sentence, and some make two sentences of them: so a capital and a full stop that
        the catalogue does not know come back afterwards.
        """
        if self.tag == "en" or not message:
            return message
        bare = message.removesuffix(".")
        for known in (message, bare, message[0].lower() + message[1:], bare[:1].lower() + bare[1:]):
            found = self._known(known)
            if found is not None:
                first = found[0].upper() if message[0].isupper() else found[0]
                return f"{first}{found[1:]}" + ("." if message.endswith(".") and not found.endswith(".") else "")
        return message

    def _known(self, message: str) -> str | None:
        direct = self.text(message)
        if direct != message:
            return direct
        for pattern, names, translation in self._patterns:
            found = pattern.fullmatch(message)
            if found:
                return translation.format(**dict(zip(names, found.groups(), strict=True)))
        return None

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], list[str], str]]:
        """Sentences with blanks, those with the most fixed text first, so that none is taken for a vaguer one."""
        blanks = [
            (str(m.id), str(m.string)) for m in catalog(self.tag) if isinstance(m.id, str) and m.string and re.search(r"\{\w+\}", m.id)
        ]
        blanks.sort(key=lambda pair: -len(re.sub(r"\{\w+\}", "", pair[0])))
        return [(_pattern(source), re.findall(r"\{(\w+)\}", source), target) for source, target in blanks]

    def quantity(self, value: Decimal | str | int | None, unit: str = "unit") -> str:
        """Show a quantity without needless zeros, with its unit where that is not pieces: ``1,5 kg``."""
        if value is None:
            return "–"
        shown = format_decimal(Decimal(value), format="#,##0.###", locale=self.locale).replace("-", "\N{MINUS SIGN}")
        return shown if unit == "unit" else f"{shown}{_NO_BREAK}{unit}"

    def money(self, value: Decimal | str | None) -> str:
        """Show an amount in pesos: ``$ 1.234,56``. The sign is the shop's, not the locale's name for it (English would say ARS)."""
        if value is None:
            return "–"
        amount = Decimal(value)
        sign = "\N{MINUS SIGN}" if amount < 0 else ""
        return f"{sign}${_NO_BREAK}{format_decimal(abs(amount), format='#,##0.00', locale=self.locale)}"

    def percent(self, value: Decimal | str | None) -> str:
        """Show a rate that is kept in hundredths: ``21 %``."""
        return "–" if value is None else f"{format_decimal(Decimal(value), format='0.##', locale=self.locale)}{_NO_BREAK}%"

    def date(self, value: date | None) -> str:
        """Show a day: ``24 nov 2026``."""
        return "–" if value is None else format_date(value, "d MMM y", locale=self.locale)

    def moment(self, value: datetime | None, zone: str = SHOP_ZONE) -> str:
        """Show a time of day, with its day where that is not today, and the year where that is not this one."""
        if value is None:
            return "–"
        local, today = value.astimezone(ZoneInfo(zone)), datetime.now(ZoneInfo(zone))
        if local.date() == today.date():
            return format_time(local, "HH:mm", locale=self.locale)
        return format_datetime(local, "d MMM, HH:mm" if local.year == today.year else "d MMM y, HH:mm", locale=self.locale)


SPANISH = Language("es-AR", "Español")
ENGLISH = Language("en", "English")
LANGUAGES = {language.tag: language for language in (SPANISH, ENGLISH)}


@cache
def catalog(tag: str) -> Catalog:
    """Read the sentences of a language from its ``.po`` file."""
    path = LOCALE_DIRECTORY / tag.replace("-", "_") / "LC_MESSAGES" / "inventario.po"
    with path.open("rb") as file:
        return read_po(file, locale=tag.replace("-", "_"))


def language_of(scope: Scope) -> Language:
    """Choose: what the person switched to, then what the browser asks for, then Spanish."""
    chosen: Language | None = scope.get("language")
    if chosen is None:
        chosen = scope["language"] = _choose(scope)
    return chosen


def _choose(scope: Scope) -> Language:
    accepted = ""
    for name, value in scope["headers"]:
        if name == b"cookie":
            found = re.search(rf"(?:^|;\s*){COOKIE}=([\w-]+)", value.decode("latin-1"))
            if found and found[1] in LANGUAGES:
                return LANGUAGES[found[1]]
        elif name == b"accept-language":
            accepted = value.decode("latin-1")
    return _negotiate(accepted)


def _negotiate(accepted: str) -> Language:
    best, weight = SPANISH, 0.0
    for part in accepted[:200].split(","):
        tag, _, quality = part.strip().partition(";q=")
        language = {"es": SPANISH, "en": ENGLISH}.get(tag.split("-")[0].lower())
        try:
            given = float(quality) if quality else 1.0
        except ValueError:
            continue
        if language is not None and given > weight:
            best, weight = language, given
    return best


def _pattern(source: str) -> re.Pattern[str]:
    return re.compile(
        "".join("(.+?)" if re.fullmatch(r"\{\w+\}", part) else re.escape(part) for part in re.split(r"(\{\w+\})", source)), re.DOTALL
    )
