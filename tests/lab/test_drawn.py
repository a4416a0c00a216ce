"""Both planes agree on scenarios that nobody thought of. `make smoke` draws others, on the checked build."""

from __future__ import annotations

import drawn
import pytest

from nicmodel.lab.loading import known_keys

SEEDS = 40


@pytest.mark.parametrize("seed", range(SEEDS))
def test_planes_agree_on_a_drawn_scenario(seed):
    keys, scenario = drawn.draw(seed)
    assert drawn.told_apart(scenario) == "", keys


def test_a_seed_names_a_scenario_and_every_value_of_every_key_is_drawn():
    found = [drawn.draw(seed)[0] for seed in range(1000)]
    assert drawn.draw(7)[0] == found[7]
    for key, (_, values) in drawn.DRAWN.items():
        if key != "seed":
            assert {repr(keys[key]) for keys in found if key in keys} == set(map(repr, values)), key


def test_every_key_of_a_scenario_is_drawn_or_left_out_for_a_reason():
    assert set(known_keys()) == {*drawn.DRAWN, *drawn.LEFT_OUT} and not drawn.DRAWN.keys() & drawn.LEFT_OUT.keys()
