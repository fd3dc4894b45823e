"""Makes pages: Jinja with escaping always on, one environment a language."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.types import Scope

from inventario.web.languages import LANGUAGES, Language, language_of
from inventario.web.static import StaticFiles
from inventario.web.words import WORDS

__all__ = ["Pages", "render"]

_PACKAGE = Path(__file__).parent.parent


@dataclass(frozen=True)
class Pages:
    """The templates of every feature: ``catalogue/list.html`` is ``list.html`` in the folder ``catalogue/templates``."""

    static: StaticFiles

    @cached_property
    def _environments(self) -> dict[str, Environment]:
        return {tag: self._environment(language) for tag, language in LANGUAGES.items()}

    def render(self, scope: Scope, template: str, context: Mapping[str, Any]) -> str:
        """Fill in *template* in the language of the request."""
        language = language_of(scope)
        return (
            self._environments[language.tag]
            .get_template(template)
            .render(
                language=language,
                other=next(other for other in LANGUAGES.values() if other is not language),
                principal=scope.get("principal"),
                path=scope["path"],
                query=scope["query_string"].decode("latin-1"),
                request_id=scope.get("request_id", ""),
                **context,
            )
        )

    def _environment(self, language: Language) -> Environment:
        folders = {path.parent.name: FileSystemLoader(path) for path in _PACKAGE.glob("*/templates")}
        environment = Environment(
            loader=PrefixLoader(folders),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            extensions=["jinja2.ext.i18n"],
        )
        environment.policies["ext.i18n.trimmed"] = True
        environment.install_gettext_translations(language.translations, newstyle=True)  # type: ignore[attr-defined]  # the extension adds it
        environment.globals["static"] = self.static.url
        filters: dict[str, Callable[..., str]] = {
            "quantity": language.quantity,
            "money": language.money,
            "percent": language.percent,
            "date": language.date,
            "moment": language.moment,
            "sentence": language.sentence,
            "ticks": _ticks,
            "word": lambda code: language.text(WORDS.get(str(code), str(code))),
        }
        environment.filters.update(filters)
        return environment


def _ticks(text: str) -> Markup:
    """Set what stands between backticks as code."""
    return Markup(re.sub(r"`+([^`]+)`+", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


def render(request: Request, template: str, status: int = 200, /, **context: Any) -> HTMLResponse:
    """Answer with the page that *template* makes of *context*."""
    pages: Pages = request.app.state.pages
    return HTMLResponse(pages.render(request.scope, template, context), status)
