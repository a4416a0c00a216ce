"""[life] in a scenario: what cannot be is one sentence."""

from __future__ import annotations

import pytest
from life_scripts import scenario

from nicmodel.lab.loading import build
from nicmodel.sim.errors import ScenarioError


@pytest.mark.parametrize(("events", "keys", "says"), [
    ([{"kind": "fail_over", "vf": 0}], {}, "life.events.0.at is missing"),
    ([{"at": "1us", "kind": "fall_over", "vf": 0}], {}, "it must be one of attach_vf, detach_vf"),
    ([{"at": "1us", "kind": "fail_over"}], {}, '"fail_over" needs vf'),
    ([{"at": "1us", "kind": "fail_over", "vf": 2}], {}, "there is no guest 2: guests are numbered 0 to 1"),
    ([{"at": "400us", "kind": "fail_over", "vf": 1}], {}, "the run ends 400us after the start of traffic"),
    ([{"at": "1us", "kind": "fail_back", "vf": 1}], {},
     '"fail_back" needs a guest without a VF: guest 1 has a VF and is awake at 1us'),
    ([{"at": "1us", "kind": "fail_over", "vf": 1, "soon": 1}], {}, "life.events.0.soon is not a key"),
    ([{"at": "5us", "kind": "detach_vf", "vf": 1}, {"at": "2us", "kind": "detach_vf", "vf": 1}], {},
     "life.events.0.kind: \"detach_vf\" needs a VF: guest 1 has no VF at 5us"),
    ([{"at": "1us", "kind": "resume", "vf": 1}], {},
     '"resume" needs a guest that is asleep: guest 1 has a VF and is awake at 1us'),
    ([{"at": "1us", "kind": "pf_halt"}, {"at": "2us", "kind": "fail_over", "vf": 0}], {},
     '"fail_over" needs a PF that runs: it is halted at 2us'),
    ([{"at": "1us", "kind": "pf_surprise"}, {"at": "2us", "kind": "pf_surprise"}], {},
     '"pf_surprise" needs a PF that runs: it is gone at 2us'),
    ([{"at": "1us", "kind": "pf_sleep"}, {"at": "2us", "kind": "pf_reset"}], {},
     '"pf_reset" needs a PF that runs: it is asleep at 2us'),
    ([{"at": "1us", "kind": "pf_resume"}], {}, '"pf_resume" needs a PF that is asleep: it runs at 1us'),
    ([{"at": "1us", "kind": "pf_reset", "vf": 0}], {}, '"pf_reset" takes no vf'),
    ([{"at": "1us", "kind": "re_enable"}], {}, '"re_enable" needs num_vfs'),
    ([{"at": "1us", "kind": "pf_halt", "num_vfs": 1}], {}, '"pf_halt" takes no num_vfs'),
    ([{"at": "1us", "kind": "re_enable", "num_vfs": 3}], {}, "3 is not allowed: the scenario has 2 guests"),
    ([{"at": "1us", "kind": "re_enable", "num_vfs": 1}, {"at": "2us", "kind": "attach_vf", "vf": 1}], {},
     '"attach_vf" needs a free VF: there is 1 at 2us'),
    ([], {"life.attached": 3}, "life.attached: 3 is not allowed: there are 2 VFs"),
    ([], {"life.attached": 1, "direction": "vf2vf"}, "direction: \"vf2vf\" is not allowed with"),
    ([], {"life.attached": 1, "traffic.pf": True}, "traffic.pf: true is not allowed with"),
    ([], {"life.pnp": "1GB"}, "life.pnp"),
    ([{"at": "1us", "kind": "fail_over", "vf": 1, "last_vf": 0}], {}, "last_vf must not be below vf, which is 1"),
    ([{"at": "1us", "kind": "fail_over", "vf": 1, "every": "1us"}], {}, "every needs last_vf"),
    ([{"at": "1us", "kind": "pf_reset", "last_vf": 1}], {}, "\"pf_reset\" takes no vf"),
    ([{"at": "1us", "kind": "fail_over", "vf": 0, "last_vf": 99, "every": "1ns"}], {}, "life.events.0.vf: there is no guest"),
    ([{"at": "1us", "kind": "fail_over", "vf": 1, "lastvf": 1}], {},
     "life.events.0.lastvf is not a key; the nearest known key is life.events.0.last_vf"),
    ([], {"life.event": 1}, "life.event is not a key; the nearest known key is life.events"),
])
def test_what_cannot_be_is_said_in_a_sentence(events, keys, says):
    with pytest.raises(ScenarioError) as error:
        scenario(*events, **keys)
    assert says in str(error.value) and "\n" not in str(error.value)


def test_a_wrong_event_ends_the_command_with_status_2(command, tmp_path):
    file = tmp_path / "wrong.toml"
    file.write_text('[[life.events]]\nat = "1us"\nkind = "fail_over"\nvf = 99\n')
    status, out, err = command("run", file)
    assert status == 2 and out == "" and err.count("\n") == 1 and "there is no guest 99" in err


def test_life_survives_being_written_and_read_again():
    made = scenario({"at": "1us", "kind": "fail_over", "vf": 1}, **{"life.attached": 2, "life.pnp": "3us"})
    assert build(made.config(), "again", {}, where="argument") == made
