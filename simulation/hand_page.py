"""The virtual hand's web page: the ward's labels as large buttons beside what the camera sees.

Pure: data in, HTML out. It works without scripts (every button is a form); the script only spares the reload. Must never
put text into the page without escaping it.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from importlib import resources

from pointofcare.texts import Catalogue

SHORT_HOLD_S = 3
_LANGUAGE_NAMES = {"vi": "Tiếng Việt", "en": "English", "fr": "Français"}
_texts = Catalogue("simulation.texts")
_static = resources.files("simulation") / "static"
STYLE = (_static / "hand.css").read_bytes()
SCRIPT = (_static / "hand.js").read_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    id: str
    title: str
    subtitle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    title: str
    buttons: tuple[Button, ...]


def start_page(carts: tuple[str, ...], language: str) -> str:
    links = "".join(
        f'<li><a class="big" href="/{escape(cart)}?lang={language}">{_t(language, "hand-cart", cart=cart)}</a></li>' for cart in carts
    )
    body = (
        f"<h2>{_t(language, 'hand-choose-cart')}</h2><ul class='carts'>{links}</ul>" if carts else f"<p>{_t(language, 'hand-no-carts')}</p>"
    )
    return _page(language, "/", _t(language, "hand-title"), f"<main><h1>{_t(language, 'hand-title')}</h1>{body}</main>")


def cart_page(cart: str, carts: tuple[str, ...], sections: tuple[Section, ...], holding: str, language: str) -> str:
    """`holding` is the title of what is held now, "" for nothing."""
    title = _t(language, "hand-title")
    others = "".join(
        f'<a href="/{escape(other)}?lang={language}"{" aria-current=page" if other == cart else ""}>{escape(other)}</a>' for other in carts
    )
    status = _t(language, "hand-showing", title=holding) if holding else _t(language, "hand-nothing")
    shelf = "".join(_section(section, language) for section in sections) or f"<p>{_t(language, 'hand-empty-shelf')}</p>"
    body = f"""<main data-cart="{escape(cart)}" data-failed="{_t(language, "hand-failed")}" data-nothing="{_t(language, "hand-nothing")}">
<h1>{title} · {_t(language, "hand-cart", cart=cart)}</h1><p>{_t(language, "hand-lead")}</p>
<nav class="carts" aria-label="{_t(language, "hand-choose-cart")}">{others}</nav>
<div class="columns"><aside>
<img class="view" src="/{escape(cart)}/video.mjpg" width="640" height="360" alt="{_t(language, "hand-view", cart=cart)}">
<p id="status" role="status">{status}</p>
<form method="post" action="/{escape(cart)}/clear?lang={language}"><button class="away">{_t(language, "hand-take-away")}</button></form>
<fieldset><legend>{_t(language, "hand-how-long")}</legend>
<label><input type="radio" name="seconds" form="hold" value="{SHORT_HOLD_S}" checked>
{_t(language, "hand-short", seconds=SHORT_HOLD_S)}</label>
<label><input type="radio" name="seconds" form="hold" value=""> {_t(language, "hand-until")}</label></fieldset>
</aside><form id="hold" method="post" action="/{escape(cart)}/hold?lang={language}">{shelf}</form></div></main>"""
    return _page(language, f"/{cart}", f"{title} · {cart}", body)


def _section(section: Section, language: str) -> str:
    buttons = "".join(_button(button, language) for button in section.buttons)
    return f'<section><h2>{escape(section.title)}</h2><div class="labels">{buttons}</div></section>'


def _button(button: Button, language: str) -> str:
    name = _t(language, "hand-hold", title=f"{button.title}, {button.subtitle}" if button.subtitle else button.title)
    showing = _t(language, "hand-showing", title=button.title)
    return (
        f'<button name="item" value="{escape(button.id)}" aria-label="{name}" data-showing="{showing}">'
        f'<img src="/_shelf/{escape(button.id)}.png" loading="lazy" alt=""><span><strong>{escape(button.title)}</strong>'
        f"<small>{escape(button.subtitle)}</small></span></button>"
    )


def _t(language: str, code: str, **parameters: object) -> str:
    return escape(_texts.text(language, code, parameters))


def _page(language: str, path: str, title: str, body: str) -> str:
    languages = "".join(
        f'<a href="{escape(path)}?lang={other}" lang="{other}"{" aria-current=true" if other == language else ""}>{name}</a>'
        for other, name in _LANGUAGE_NAMES.items()
    )
    return f"""<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<link rel="stylesheet" href="/_hand.css"><script src="/_hand.js" defer></script></head>
<body><header><nav aria-label="{_t(language, "hand-language")}">{languages}</nav></header>{body}</body></html>"""
