"""What the picture of a hand-over draws: spans, lines, bars and texts where the figures are, in us."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from nicmodel.datasheet.stages import DELIVERED, FIRST_DROP
from nicmodel.lab import life_plot
from nicmodel.lab.life_ledger import GuestLife, Life

US = 1_000_000
NONE = np.array([], np.int64)


def axes():
    return Figure().add_subplot()


def handover(**figures):
    return {"at_ps": 10 * US, "end_ps": 60 * US, "rx_dark": [20 * US, 50 * US],
            "window": {"place": "vf_not_ready", "begin_ps": 25 * US, "end_ps": 45 * US}, **figures}


@pytest.mark.parametrize("dark, spans", [([20 * US, 50 * US], [(20, 50)]), (None, [])])
def test_dark_is_shaded_and_the_window_is_between_two_lines(dark, spans):
    drawn = axes()
    life_plot.shade(drawn, handover(rx_dark=dark))
    boxes = [patch.get_extents().transformed(drawn.transData.inverted()) for patch in drawn.patches]
    assert [(box.x0, box.x1) for box in boxes] == [pytest.approx(span) for span in spans]
    assert [line.get_xdata()[0] for line in drawn.lines] == [25, 45]


@pytest.mark.parametrize("figures, first, last", [
    ({}, 10, 60), ({"end_ps": None}, 10, 50), ({"end_ps": None, "rx_dark": None}, 10, 45),
    ({"rx_dark": [5 * US, 80 * US]}, 5, 80)])
def test_a_column_shows_the_hand_over_and_its_dark_with_a_margin(figures, first, last):
    margin = 0.08 * (last - first)
    assert life_plot.extent(handover(**figures)) == pytest.approx((first - margin, last + margin))


@pytest.mark.parametrize("begin, end, align, at", [(10, 20, "left", 20), (70, 90, "right", 70), (10, 90, "center", 50)])
@pytest.mark.parametrize("status, said", [("SUCCESS", ""), (None, ""), ("FAILURE", ": FAILURE")])
def test_a_step_is_a_bar_as_long_as_it_took_and_named_where_there_is_room(begin, end, align, at, status, said):
    drawn = axes()
    event = {"at_ps": begin * US, "end_ps": end * US, "status": status, "step": "UP-01", "what": "a step"}
    life_plot.draw_step(drawn, event, 2, 0, 100)
    (bar,), (text,) = drawn.patches, drawn.texts
    assert (bar.get_x(), bar.get_width(), bar.get_y() + bar.get_height() / 2) == pytest.approx((begin, end - begin, 2))
    assert (text.get_text(), text.get_ha()) == (f"UP-01 a step{said}", align)
    assert (text.xy if align != "center" else text.get_position()) == (at, 2)
    assert bool(bar.get_hatch()) == bool(said)
    if align != "center":
        assert text.xyann == (6 if align == "left" else -6, 0), "away from the bar"


@pytest.mark.parametrize("end_ps", (None, 10 * US))
def test_a_step_without_length_is_a_diamond(end_ps):
    drawn = axes()
    life_plot.draw_step(drawn, {"at_ps": 10 * US, "end_ps": end_ps, "status": None, "step": "UP-01", "what": ""}, 1, 0, 100)
    (mark,) = drawn.lines
    assert not drawn.patches and mark.get_marker() == "D"
    assert (list(mark.get_xdata()), list(mark.get_ydata())) == ([10], [1])


@pytest.mark.parametrize("label", (True, False))
def test_frames_have_a_row_each_for_the_vf_the_synthetic_path_and_none(label):
    drawn = axes()
    outcomes = np.array([DELIVERED, DELIVERED, FIRST_DROP])
    delivered = np.array([4 * US, 6 * US, -1])
    guest = GuestLife(0, np.array([1, 2, 3]) * US, delivered, np.array([1, 0, 1]), outcomes, NONE, NONE, NONE)
    life_plot.draw_frames(drawn, guest, US, label=label)
    rows = [(list(line.get_xdata()), list(line.get_ydata())) for line in drawn.lines]
    assert rows == [([3], [0]), ([5], [1]), ([2], [2])]
    names = [tick.get_text() for tick in drawn.get_yticklabels()]
    assert names == (["delivered by the VF", "by the synthetic path", "lost"] if label else [""] * 3)
    assert drawn.get_ylim() == (2.5, -0.5) and drawn.get_xlabel() == "time since the start of traffic [us]"


@pytest.mark.parametrize(("arrived", "said"), [([2 * US, 3 * US], []), ([], ["no frame was sent to this guest"])])
def test_a_guest_that_only_sends_has_no_rate_and_no_scale(arrived, said):
    drawn, times = axes(), np.array(arrived, np.int64)
    guest = GuestLife(0, times, times, np.ones_like(times), np.full(len(times), DELIVERED), NONE, NONE, NONE)
    life_plot.draw_rate(drawn, Life(0, 100 * US, [guest]), 0, [])
    assert [text.get_text() for text in drawn.texts] == said and bool(len(drawn.get_yticks())) == (not said)


def test_the_legend_names_dark_and_window_once():
    drawn, times = axes(), np.array([1 * US, 2 * US])
    guest = GuestLife(0, times, times, np.ones_like(times), np.full(2, DELIVERED), NONE, NONE, NONE)
    later = {"begin_ps": 65 * US, "end_ps": 70 * US}
    life_plot.draw_rate(drawn, Life(0, 100 * US, [guest]), 0, [
        {"guest": 0, **handover(rx_dark=None)}, {"guest": 0, **handover(window=later)}, {"guest": 0, **handover()}])
    assert [text.get_text() for text in drawn.get_legend().get_texts()] == [
        "over the VF", "over the synthetic path", "lost", "window of the hand-over", "dark: no frame"]
