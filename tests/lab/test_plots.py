"""Pictures of a run: scales, titles, many VFs and none that moved anything; of a sweep: curves and their legend."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import nicmodel as nm
from nicmodel.lab import plots
from nicmodel.lab.plots import draw_latency, draw_rates


def rate_rows(num_vfs, gbps=1.0):
    return [{"vf": n, "state": "running", "rule": None, **{way: {"gbps": gbps, "latency_ns": None} for way in ("tx", "rx")}}
            for n in range(num_vfs)]


def drawn(run, folder, monkeypatch):
    """The figure that was saved."""
    figures = []
    with monkeypatch.context() as held:
        held.setattr(plt, "close", figures.append)
        run.plot(folder / "run.png")
    plt.close(figures[0])
    figures[0].draw_without_rendering()             # at its own resolution, as its `bbox` is
    return figures[0]


@pytest.mark.parametrize(("state", "rule", "said"), [("closed", "VF-INIT-10", "closed: VF-INIT-10"), ("closed", None, "closed"),
                                                     ("silent", None, "silent")])
def test_a_vf_that_does_not_run_is_marked_with_the_rule_if_there_is_one(state, rule, said):
    figure, axes = plt.subplots()
    still = {**rate_rows(1)[0], "state": state, "rule": rule, "tx": {"gbps": 0.0}}
    draw_rates(axes, [*rate_rows(1), {**rate_rows(1)[0], "state": state}, still], ["tx"])
    assert [(text.get_text(), text.xy) for text in axes.texts] == [(said, (2, 0))], "not where there is a bar"
    plt.close(figure)


def test_a_picture_is_what_its_name_says(tmp_path):
    run = nm.run("vf_scaling", num_vfs=1, duration="1us", warmup="0us")
    for name, begins in (("a.png", b"\x89PNG"), ("a.SVG", b"<?xml"), ("a.pdf", b"%PDF"), ("a", b"\x89PNG")):
        assert run.plot(tmp_path / name).read_bytes().startswith(begins), name
    with pytest.raises(nm.ScenarioError, match=r"a\.csv: the name of a picture must end in one of \.png, \.svg, \.pdf"):
        run.plot(tmp_path / "a.csv")
    assert not (tmp_path / "a.csv").exists()


@pytest.mark.parametrize(("rx_ns", "scale"), [(1_500, "log"), (400_000, "linear")])
def test_latencies_far_apart_both_show_in_the_picture(rx_ns, scale):
    row = {"tx": {"latency_ns": {"p50": 750_000, "p99": 800_000}}, "rx": {"latency_ns": {"p50": rx_ns, "p99": rx_ns}}}
    figure, axes = plt.subplots()
    draw_latency(axes, [row], ["tx", "rx"])
    assert axes.get_yscale() == scale
    plt.close(figure)


def test_latencies_that_are_nearly_equal_stand_clear_of_the_end_of_the_axis():
    """The axis begins at 0, and a marker is not cut in half."""
    figure, axes = plt.subplots()
    draw_latency(axes, [{"tx": {"latency_ns": {"p50": 222_300, "p99": 224_400}}}] * 5, ["tx"])
    bottom, top = axes.get_ylim()
    assert bottom == 0 and top >= 1.03 * 224.4
    plt.close(figure)


@pytest.mark.parametrize(("num_vfs", "shown", "patches"), [(32, ["tx", "rx"], 64), (33, ["tx", "rx"], 2), (65, ["tx"], 1),
                                                           (256, ["tx", "rx"], 2)])
def test_of_many_vfs_rx_is_one_area_and_tx_one_line_over_it(num_vfs, shown, patches):
    figure, axes = plt.subplots()
    draw_rates(axes, rate_rows(num_vfs), shown)
    assert len(axes.patches) == patches
    if patches == 2:
        tx, rx = axes.patches
        assert (tx.get_fill(), rx.get_fill()) == (False, True) and tx.get_zorder() > rx.get_zorder()
    plt.close(figure)


@pytest.mark.parametrize("num_vfs", [1, 8, 32, 33, 63, 100, 128, 256])
def test_numbers_of_vfs_do_not_touch(testbench, tmp_path, monkeypatch, num_vfs):
    figure = drawn(nm.run("vf_scaling", num_vfs=num_vfs), tmp_path, monkeypatch)
    boxes = [label.get_window_extent() for label in figure.axes[1].get_xticklabels()]
    assert all(left.x1 + 2 < right.x0 for left, right in pairwise(boxes))
    assert len(boxes) >= min(num_vfs, 16)


@pytest.mark.parametrize("num_vfs", [1, 4, 32, 63, 256])
def test_a_pf_with_traffic_stands_beside_its_vfs(testbench, tmp_path, monkeypatch, num_vfs):
    plain = nm.run("vf_scaling", num_vfs=num_vfs)
    assert "PF" not in [label.get_text() for label in drawn(plain, tmp_path, monkeypatch).axes[1].get_xticklabels()]
    plain.measured.functions[0] = plain.measured.functions[1]
    figure = drawn(replace(plain, name="again"), tmp_path, monkeypatch)
    labels = figure.axes[1].get_xticklabels()
    assert labels[-1].get_text() == "PF" and labels[-1].get_position()[0] == num_vfs
    boxes = [label.get_window_extent() for label in labels]
    assert all(left.x1 + 2 < right.x0 for left, right in pairwise(boxes))
    bars = figure.axes[0].patches
    assert len(bars) == num_vfs + 1 or len(bars[0].get_data().values) == num_vfs + 1


@pytest.mark.parametrize("name", ["x" * 20, "a_long_name_" * 8, "with $\\nonsense$ in it"])
def test_a_title_stays_within_the_picture(testbench, tmp_path, monkeypatch, name):
    figure = drawn(nm.run("vf_scaling", num_vfs=2, id=name), tmp_path, monkeypatch)
    box = figure._suptitle.get_window_extent()
    assert 0 <= box.x0 and box.x1 <= figure.bbox.width and name[:12] in figure.get_suptitle()


def test_where_nothing_moved_a_picture_has_no_scale_and_says_so(testbench, tmp_path, monkeypatch):
    figure = drawn(nm.run("vf_scaling", num_vfs=1, driver={"mutants": {"0": "vf_reports_no_capability"}}), tmp_path, monkeypatch)
    for axes in figure.axes:
        assert "no packet of a VF in the window" in [text.get_text() for text in axes.texts] and not len(axes.get_yticks())


def test_curves_of_a_sweep_can_be_told_apart():
    looks = [tuple(plots.curve_style(number).values()) for number in range(64)]
    assert len(set(looks)) == 64
    assert len({(marker, line, face == "white") for marker, line, _, face in looks}) == 64, "in greyscale, too"


@pytest.mark.parametrize("curves", [2, plots.LEGEND_ROWS, plots.LEGEND_ROWS + 1, 60])
def test_the_legend_of_a_sweep_stands_beside_the_panels_and_whole_numbers_are_on_the_axis(tmp_path, monkeypatch, curves):
    kept = []
    monkeypatch.setattr(plots, "_save", lambda figure, path: kept.append(figure))
    table = pd.DataFrame([{"point": f"{a} {b}", "a": a, "b": b, "point_gbps": a, "point_worst_p99_us": 1.0}
                          for a in (1, 2) for b in range(1000, 1000 + curves)])
    plots.plot_sweep(table, ["a", "b"], tmp_path / "x.png", "x")
    (figure,) = kept
    figure.draw_without_rendering()
    (legend,) = figure.legends
    box, page = legend.get_window_extent(), figure.bbox
    assert len(legend.texts) == curves
    assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1
    for axes in figure.axes:
        panel = axes.get_window_extent()
        assert panel.width > 0.2 * page.width and panel.x1 < box.x0
        assert all(float(tick).is_integer() for tick in axes.get_xticks())
    plt.close(figure)


def sweep_figure(monkeypatch, first, values, latencies=None, others=()):
    """The picture of a sweep over `first`, a curve for each of `others`: (key, value)."""
    kept = []
    monkeypatch.setattr(plots, "_save", lambda figure, path: kept.append(figure))
    table = pd.DataFrame([{"point": f"{value} {other}", first: value, **dict([other]), "point_gbps": 1.0,
                           "point_worst_p99_us": latency}
                          for other in others or [("seed", 1)]
                          for value, latency in zip(values, latencies or [1.0] * len(values), strict=True)])
    plots.plot_sweep(table, [first, *{key for key, _ in others}], "x.png", "x")
    kept[0].draw_without_rendering()
    return kept[0]


@pytest.mark.parametrize(("key", "values", "label", "places"), [
    ("driver.itr", [0, 4_000_000, 100_000_000], "driver.itr [us]", [0, 4, 100]),
    ("host.read_latency", [400_000, 999_000], "host.read_latency [ns]", [400, 999]),
    ("frame_size", [64, 1518], "frame_size [B]", [64, 1518]),
    ("nic.vf_rate", [10**9, 25 * 10**8], "nic.vf_rate [Gbps]", [1, 2.5]),
    ("load", ["90%", "12.5%"], "load [% of the line]", [12.5, 90]),
    ("load", ["1Mpps", "500kpps"], "load [Mpps]", [0.5, 1]),
    ("num_vfs", [1, 2, 4], "num_vfs", [1, 2, 4]),
])
def test_the_axis_of_a_sweep_is_in_units_that_one_would_write(monkeypatch, key, values, label, places):
    figure = sweep_figure(monkeypatch, key, values)
    for axes in figure.axes:
        assert axes.get_xlabel() == label and list(axes.lines[0].get_xdata()) == places
        assert axes.xaxis.get_offset_text().get_text() == ""
    plt.close(figure)


def test_a_sweep_that_has_come_to_one_number_of_vfs_shows_no_part_of_a_vf(monkeypatch):
    figure = sweep_figure(monkeypatch, "num_vfs", [3])
    assert [float(tick) for tick in figure.axes[0].get_xticks() if 2 < tick < 4] == [3]
    plt.close(figure)


@pytest.mark.parametrize(("key", "values"), [("load", ["50%", "saturated"]), ("driver.rss", [True, False]),
                                             ("nic.fetch", ["fewest", "round_robin"])])
def test_what_is_no_number_stands_side_by_side_in_its_order(monkeypatch, key, values):
    figure = sweep_figure(monkeypatch, key, values)
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == [str(value).lower() for value in values]
    plt.close(figure)


def test_the_legend_of_a_sweep_names_units(monkeypatch):
    figure = sweep_figure(monkeypatch, "num_vfs", [1, 2], others=[("driver.itr", 0), ("driver.itr", 20_000_000)])
    assert [text.get_text() for text in figure.legends[0].texts] == ["0ps", "20us"]
    plt.close(figure)


def test_values_far_apart_all_show_on_the_axes_of_a_sweep(monkeypatch):
    figure = sweep_figure(monkeypatch, "num_vfs", [1, 2, 4, 8, 16, 32, 63], [2, 2, 2, 3, 4, 7, 250])
    rates, latency = figure.axes
    assert (rates.get_xscale(), rates.get_yscale(), latency.get_yscale()) == ("log", "linear", "log")
    assert [tick.get_text() for tick in rates.get_xticklabels()] == ["1", "2", "4", "8", "16", "32", "63"]
    plt.close(figure)
    figure = sweep_figure(monkeypatch, "driver.itr", [0, 2_048_000, 20_480_000, 102_400_000])
    rates, _ = figure.axes
    shown = rates.transData.transform([(place, 1.0) for place in rates.lines[0].get_xdata()])[:, 0]
    assert [tick.get_text() for tick in rates.get_xticklabels()] == ["0", "2.048", "20.48", "102.4"]
    assert min(np.diff(shown)) > 0.1 * (shown[-1] - shown[0]), "none of them hides another, nor the one at 0"
    plt.close(figure)
    figure = sweep_figure(monkeypatch, "num_vfs", range(1, 200), [None] * 199)
    assert len(figure.axes[0].get_xticks()) <= 12 and figure.axes[1].get_yscale() == "linear"
    plt.close(figure)
