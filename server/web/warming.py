"""What a first page would read and compile, read and compiled before anybody asks: of those who ask at once each would do all of it."""

from __future__ import annotations

from flask import Flask
from jinja2 import meta

from pointofcare import texts
from server.web import page, rules

# What a shift opens first, and the parts that ask again by themselves.
FIRST = (
    "sign_in.html",
    "home.html",
    "_home.html",
    "work.html",
    "_work_counts.html",
    "ward.html",
    "_ward.html",
    "patients.html",
    "patient.html",
)


def warm(app: Flask) -> None:
    """The texts of each language, and the first pages with all that they include: two seconds of a processor, once."""
    texts.clinical()
    page.catalogue()
    rules.words()
    environment, found, left = app.jinja_env, set[str](), list(FIRST)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            source, _, _ = app.jinja_env.loader.get_source(environment, name)  # type: ignore[union-attr]
            left += [each for each in meta.find_referenced_templates(environment.parse(source)) if each is not None]
            environment.get_template(name)
