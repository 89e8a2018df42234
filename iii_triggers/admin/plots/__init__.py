"""Plots as SVG that the server draws: what is to be plotted, and where each line goes.

``draw`` turns a ``Plot`` into a ``Drawing``; the template ``admin/iii_triggers/plot.html`` shows
it. Colours and dashes are classes of ``iii_triggers/plots.css``: a page that shows a plot lists
that file in its media.
"""

from .drawing import Drawing, draw
from .plot import STYLES, Plot, Series

__all__ = ["STYLES", "Drawing", "Plot", "Series", "draw"]
