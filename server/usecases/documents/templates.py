"""From the content of a form to its HTML: our templates, or the hospital's of the same name in its own folder.

A template gets plain texts and lists and runs in Jinja's sandbox: it reaches no object, no file and no address. Everything that it writes
out is escaped; a name that is misspelt is a fault, never an empty place on a paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment, SecurityError

from pointofcare.errors import ConfigError

OURS = Path(__file__).parent / "templates"
MOST_BYTES = 30_000_000


@lru_cache(maxsize=8)
def _environment(folder: Path | None) -> ImmutableSandboxedEnvironment:
    folders = [FileSystemLoader(str(each)) for each in (folder, OURS) if each is not None]
    found = ImmutableSandboxedEnvironment(
        loader=ChoiceLoader(folders), autoescape=True, undefined=StrictUndefined, auto_reload=True, trim_blocks=True, lstrip_blocks=True
    )
    found.globals.clear()
    return found


def render(kind: str, folder: Path | None, values: Mapping[str, Any]) -> str:
    """Raises: ConfigError, with the template's name and line."""
    name = f"{kind}.html"
    try:
        found = _environment(folder).get_template(name).render(**values)
    except SecurityError as exc:
        raise ConfigError(f"the template {name} does what a template may not", problems=((name, str(exc)),)) from exc
    except TemplateError as exc:
        place = f"{getattr(exc, 'name', None) or name}:{getattr(exc, 'lineno', None) or '?'}"
        raise ConfigError(f"the template {name} is not usable", problems=((place, exc.message or str(exc)),)) from exc
    except (OverflowError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError) as exc:
        raise ConfigError(f"the template {name} is not usable", problems=((name, f"{type(exc).__name__}: {exc}"),)) from exc
    if len(found) > MOST_BYTES:
        raise ConfigError(f"the template {name} writes too much", problems=((name, f"more than {MOST_BYTES} letters"),))
    return found


def own(folder: Path | None) -> tuple[str, ...]:
    """The templates that the hospital has in place of ours."""
    return tuple(sorted(each.name for each in folder.glob("*.html"))) if folder is not None else ()
