"""A plot becomes lines, dots, ticks, a sentence and a table."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.utils import timezone, translation

from iii_triggers.admin.plots import STYLES, Drawing, Plot, Series, draw

SINCE = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
EVIL = '"><script>alert(1)</script>'


def plot(*lines: tuple[float | None, ...], **facts: Any) -> Plot:
    number = len(lines[0]) if lines else 0
    return Plot(
        **{
            "id": "rate",
            "title": "Runs per minute",
            "times": tuple(SINCE + timedelta(minutes=n) for n in range(number)),
            "since": SINCE,
            "until": SINCE + timedelta(minutes=max(number, 1)),
            "series": tuple(
                Series(name=f"type {n}", style=n, values=values, overall=2.0)
                for n, values in enumerate(lines)
            ),
            "shown": lambda value: f"{value:g}/min",
            **facts,
        }
    )


def page(drawing: Drawing) -> str:
    return render_to_string("admin/iii_triggers/plot.html", {"drawing": drawing})


def numbers(path: str) -> list[float]:
    return [float(number) for number in re.findall(r"[0-9.]+", path)]


def test_a_line_goes_from_value_to_value() -> None:
    (line,) = draw(plot((0.0, 2.0, 4.0))).lines
    assert re.fullmatch(r"M[\d.]+ [\d.]+L[\d.]+ [\d.]+L[\d.]+ [\d.]+", line.path)
    x, y = numbers(line.path)[::2], numbers(line.path)[1::2]
    assert x == sorted(x)
    assert y == sorted(y, reverse=True), "more is higher, which is a smaller y"
    assert line.overall == "2/min"


def test_a_gap_interrupts_the_line_and_a_lonely_value_is_a_dot() -> None:
    (line,) = draw(plot((1.0, 2.0, None, 3.0, None, 4.0, 5.0))).lines
    assert line.path.count("M") == 2
    assert len(line.dots) == 1


def test_a_log_plot_leaves_out_what_has_no_place() -> None:
    (line,) = draw(plot((0.0, 1.0, 10.0), is_log=True)).lines
    assert len(numbers(line.path)) == 4


def test_all_lines_share_the_axis() -> None:
    low, high = draw(plot((1.0, 1.0), (100.0, 100.0))).lines
    assert numbers(low.path)[1] > numbers(high.path)[1]


def test_a_plot_without_series_says_that_nothing_ran() -> None:
    drawing = draw(plot())
    assert drawing.is_empty
    assert "Nothing ran" in page(drawing)
    assert "<details" not in page(drawing)


def test_the_table_has_every_value_with_its_time_in_the_zone_of_the_site() -> None:
    with timezone.override("Asia/Tokyo"):
        drawing = draw(plot((1.0, None), (3.0, 4.0)))
    assert drawing.rows == (("21:00", ("1/min", "3/min")), ("21:01", ("—", "4/min")))
    shown = page(drawing)
    for text in ('<th scope="row">21:01</th>', "<td>4/min</td>", 'scope="col">type 1<'):
        assert text in shown


def test_those_who_do_not_see_the_plot_are_told_what_it_shows() -> None:
    drawing = draw(plot((1.0, 5.0, 2.0)))
    assert "type 0: from 1/min to 5/min, overall 2/min." in drawing.summary
    shown = page(drawing)
    (named,) = re.findall(r'role="img" aria-labelledby="([^"]+)"', shown)
    for name in named.split():
        assert f'id="{name}"' in shown


def test_lines_differ_by_more_than_colour(settings: Any) -> None:
    style = (settings.BASE_DIR / "iii_triggers/static/iii_triggers/plots.css").read_text()
    rules = [re.search(rf"\.iii-line-{n} {{(.*?)}}", style, re.DOTALL) for n in range(STYLES)]
    dashes = [re.findall("dasharray: (.*);", rule[1]) if rule else None for rule in rules]
    assert None not in dashes
    assert len({str(dash) for dash in dashes}) == STYLES


def test_names_are_text_and_nothing_is_inline() -> None:
    drawing = draw(plot((1.0, 2.0)))
    evil = replace(drawing, title=EVIL, summary=EVIL, lines=(replace(drawing.lines[0], name=EVIL),))
    shown = page(evil)
    assert "<script" not in shown
    assert not re.search(r"style=|\son\w+=", shown)


@pytest.mark.parametrize("language", ["de", "fr"])
def test_places_are_numbers_of_svg_in_every_language(language: str, settings: Any) -> None:
    settings.USE_THOUSAND_SEPARATOR = True
    with translation.override(language):
        shown = page(draw(plot((1.5, 1234.5))))
    for place in re.findall(r' (?:d|x|y|cx|cy|viewBox)="([^"]*)"', shown):
        assert "," not in place
