"""Words for people, in Vietnamese, English and French: the one place that turns a code and its parameters into text.

A catalogue is the Fluent files that lie in a package: `vi.ftl`, `en.ftl`, `fr.ftl`, and `round.vi.ftl` and so on for a topic of its
own. The clinical words (findings, remedies,
reasons, routes, statuses) are this package's own; each program keeps the words of its pages beside its pages and reads them
through the same class. Packaged, constant data: reading it is the one exception to "the core reads no disk".
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

from fluent.runtime import FluentBundle, FluentResource

LANGUAGES = ("vi", "en", "fr")
DEFAULT_LANGUAGE = "vi"


class Catalogue:
    """The texts of one package. A code without a text comes back as the code itself: visible, never an empty line."""

    def __init__(self, package: str) -> None:
        self._bundles = {language: _bundle(package, language) for language in LANGUAGES}

    def text(self, language: str, code: str, parameters: Mapping[str, object] | None = None) -> str:
        bundle = self._bundles.get(language, self._bundles[DEFAULT_LANGUAGE])
        if not bundle.has_message(code):
            return code
        pattern = bundle.get_message(code).value
        if pattern is None:
            return code
        values = {name: _argument(value) for name, value in (parameters or {}).items()}
        text, _faults = bundle.format_pattern(pattern, values)
        return str(text)

    def has(self, language: str, code: str) -> bool:
        return language in self._bundles and self._bundles[language].has_message(code)


def _bundle(package: str, language: str) -> FluentBundle:
    bundle = FluentBundle([language], use_isolating=False)
    for source in fluent_of(package, language):
        bundle.add_resource(FluentResource(source))
    return bundle


def fluent_of(package: str, language: str) -> tuple[str, ...]:
    """The Fluent text of a package's catalogue: `vi.ftl` first, then each topic's own file (`round.vi.ftl`) by name."""
    first = f"{language}.ftl"
    files = [file for file in resources.files(package).iterdir() if file.name == first or file.name.endswith(f".{first}")]
    return tuple(file.read_text(encoding="utf-8") for file in sorted(files, key=lambda file: (file.name != first, file.name)))


def _argument(value: object) -> str | int:
    """Fluent formats numbers by locale; amounts must stay as written (rule Q8), so all but counts go in as text."""
    return value if isinstance(value, int) and not isinstance(value, bool) else str(value)


@cache
def clinical() -> Catalogue:
    return Catalogue("pointofcare.texts")
