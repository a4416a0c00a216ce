"""Shipped scenarios simulate what they simulated when their baselines were written, to the last digit."""

from __future__ import annotations

import pytest

from benches.baselines import FOLDER, differences, figures, names, stored


@pytest.mark.parametrize("name", names())
def test_simulated_figures_are_those_of_the_baseline(name):
    """To change them on purpose: `python -m benches.baselines --update`, which shows the difference."""
    assert not list(differences(stored(name), figures(name)))


def test_every_baseline_belongs_to_a_scenario():
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == sorted(names())


def test_a_difference_is_named_with_both_values():
    before = {"vfs": [{"tx_packets": 5, "drops": {"reset": 0}}], "only_before": 1}
    now = {"vfs": [{"tx_packets": 6, "drops": {"reset": 0}}], "only_now": 2}
    assert list(differences(before, now)) == ["only_before: 1 -> None", "only_now: None -> 2", "vfs[0].tx_packets: 5 -> 6"]
