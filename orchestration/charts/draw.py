"""Draws specifications as SVG and PNG with vl-convert, which brings Vega and its fonts: no browser, no network."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestration.charts.chart import Spec

_SCALE = 2.0  # pixels of the picture for one of the page: sharp on a projector
_LABELLED = re.compile(r'(<(path|text|line|rect)\b[^>]*\baria-label="([^"]*)"[^>]*?)(/>|></\2>)')


def svg_of(drawing: Spec, says: str) -> str:
    """A specification as SVG; what a mark says is shown by any browser when it is pointed at, without a script.

    Args:
        drawing: The Vega-Lite specification.
        says: The finding, for people who do not see it.

    Raises:
        ValueError: The specification cannot be drawn.
    """
    import vl_convert

    drawn: str = vl_convert.vegalite_to_svg(drawing)
    labelled = _LABELLED.sub(_with_title, drawn)
    return labelled.replace("<svg ", f'<svg role="img" aria-label="{html.escape(says)}" ', 1)


def png_of(svg: str) -> bytes:
    """An SVG as PNG, twice as large.

    Raises:
        ValueError: The SVG cannot be drawn.
    """
    import vl_convert

    picture: bytes = vl_convert.svg_to_png(svg, scale=_SCALE)
    return picture


def _with_title(found: re.Match[str]) -> str:
    opened, tag, label, _ = found.groups()
    return f"{opened}><title>{html.escape(html.unescape(label))}</title></{tag}>"
