"""Published points: what simulation answers, under conditions that no shipped point has; what it declines; the command.

The figures to compare with are computed here, from the formulas of the publications, and share nothing with the model.
"""

from __future__ import annotations

import json
import math

import pytest

from nicmodel.datasheet.published import PUBLISHED_NICS
from nicmodel.device import PLANES
from nicmodel.lab.validation import adapters, bench
from nicmodel.lab.validation.conditions import Conditions, Unanswerable
from nicmodel.lab.validation.experiments import EXPERIMENTS
from nicmodel.lab.validation.points import read, shipped
from nicmodel.sim.errors import ModelBug

HEADER = "id,group,experiment,value,unit,conditions,tol_kind,tol,source\n"
GBPS_PER_LANE = {1: 2.5 * 0.8, 2: 5 * 0.8, 3: 8 * 128 / 130, 4: 16 * 128 / 130, 5: 32 * 128 / 130}
LIMITS = {  # (generation, lanes, MPS): symbol times, from the tables of the base specification
    (1, 1, 128): 237, (1, 4, 256): 118, (2, 4, 256): 169, (2, 8, 128): 118, (3, 2, 256): 313, (3, 4, 256): 214, (3, 8, 128): 163,
    (3, 8, 256): 203, (3, 8, 512): 182, (3, 16, 256): 168, (3, 16, 512): 182, (4, 1, 256): 512, (4, 4, 128): 169,
    (4, 8, 256): 203, (5, 16, 128): 144, (5, 16, 256): 168,
}


def up(numerator: int, denominator: int) -> int:
    return math.ceil(numerator / denominator)


def answer(experiment: str, conditions: str, plane: str = "fast") -> float:
    given = dict(pair.split("=") for pair in conditions.split(";"))
    return EXPERIMENTS[experiment](plane, Conditions(given))


class Formula:
    """The published arithmetic on a link: `conditions` is the text that the model gets."""

    def __init__(self, gen, lanes, mps, mrrs=512, addr=64, split=False, ecrc=False):
        self.mps, self.mrrs, self.head = mps, mrrs, (24 if addr == 64 else 20) + 4 * ecrc
        self.answer = 20 + 4 * ecrc
        self.completion = 64 if split else mps
        self.rate = GBPS_PER_LANE[gen] * lanes * (1 - 16 / LIMITS[gen, lanes, mps] - 4 / 1538)
        self.link = f"pcie=gen{gen};width=x{lanes};mps={mps}"
        self.conditions = f"{self.link};mrrs={mrrs};rcb=64;addr={addr};ecrc={int(ecrc)};split_rcb={int(split)}"

    def write(self, s):
        return up(s, self.mps) * self.head + s

    def read(self, s):
        return up(s, self.mrrs) * self.head, up(s, self.completion) * self.answer + s

    def dma(self, kind, s):
        request, data = self.read(s)
        there, back = {"write": (self.write(s), 0), "read": (request, data), "both": (self.write(s) + request, data)}[kind]
        return self.rate * s / max(there, back)

    def nic(self, name, s, prefetched=False):
        """Upstream is the busier direction in all of these."""
        def one_in(packets, nbytes):
            return nbytes / packets if packets else 0

        fetch, writeback, message, tx_head, rx_head = {
            "simple": (1, 0, 1, 1, 1), "kernel": (40, 8, 32, 1, 8), "dpdk": (40, 8, 0, 0, 0)}[name]
        upstream = [self.read(16 * fetch)[0] / fetch, self.read(s)[0], one_in(writeback, self.write(16 * writeback)),
                    one_in(message, self.write(4)), one_in(tx_head, 4 + self.answer),
                    0 if prefetched else self.head, self.write(s), self.write(16), one_in(message, self.write(4)),
                    one_in(rx_head, 4 + self.answer)]
        return self.rate / sum(upstream) * s


# ---- bytes -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("plane", ["fast", "reference"])
@pytest.mark.parametrize("ecrc", [0, 1])
@pytest.mark.parametrize("kind, addr, nbytes", [("mwr", 64, 24), ("mwr", 32, 20), ("mrd", 64, 24), ("mrd", 32, 20),
                                                ("cpld", 64, 20), ("cpld", 32, 20)])
def test_bytes_that_a_tlp_has_besides_its_payload(kind, addr, nbytes, ecrc, plane):
    assert answer(f"tlp_overhead_{kind}", f"addr={addr};ecrc={ecrc}", plane) == nbytes + 4 * ecrc


@pytest.mark.parametrize("gen, lanes, mps", [(1, 1, 128), (1, 4, 256), (2, 4, 256), (3, 2, 256), (3, 8, 512), (4, 1, 256),
                                             (5, 16, 128)])
def test_what_the_published_accounting_leaves_for_tlps(gen, lanes, mps):
    formula = Formula(gen, lanes, mps)
    assert answer("link_tlp_rate_published", formula.link) == pytest.approx(formula.rate, rel=1e-4)


# ---- transfers -------------------------------------------------------------------------------------------

TRANSFERS = [
    (Formula(3, 8, 256), 8), (Formula(3, 8, 256), 128), (Formula(3, 8, 256), 257), (Formula(3, 8, 256), 1024),
    (Formula(1, 1, 128), 64), (Formula(2, 4, 256), 511), (Formula(3, 16, 512), 513), (Formula(4, 8, 256), 9000),
    (Formula(5, 16, 128, mrrs=4096), 1500), (Formula(4, 4, 128, mrrs=128, addr=32), 300),
    (Formula(3, 8, 256, split=True), 1024), (Formula(3, 4, 256, addr=32), 65),
    (Formula(3, 8, 256, ecrc=True), 64), (Formula(3, 8, 128, ecrc=True, addr=32), 1500),
]


@pytest.mark.parametrize("kind", ["write", "read", "both"])
@pytest.mark.parametrize("formula, payload", TRANSFERS, ids=lambda value: getattr(value, "conditions", value))
def test_dma_bandwidth_follows_the_published_formula(formula, payload, kind):
    got = answer(f"dma_{kind}_formula", f"{formula.conditions};payload={payload}")
    assert got == pytest.approx(formula.dma(kind, payload), rel=1e-3)


def test_the_models_own_accounting_takes_less_than_the_published_one_and_counts_whole_dwords():
    """Gen3 x8: 63.015 Gb/s, SKP 0.27 %; an Ack now and then."""
    conditions = "pcie=gen3;width=x8;mps=256;mrrs=512;accounting=own;payload="
    assert answer("dma_read_formula", conditions + "256") == pytest.approx(63.015 * 256 / 276, rel=0.01)
    assert answer("dma_write_formula", conditions + "256") == pytest.approx(63.015 * 256 / 280, rel=0.01)
    assert answer("dma_write_formula", conditions + "65") == pytest.approx(63.015 * 65 / (68 + 24), rel=0.005)


# ---- adapters --------------------------------------------------------------------------------------------

ADAPTERS = [
    ("simple", Formula(2, 8, 128), 64), ("simple", Formula(4, 8, 256, addr=32), 128), ("kernel", Formula(3, 8, 256), 65),
    ("kernel", Formula(3, 16, 512), 513), ("dpdk", Formula(4, 8, 256), 64), ("dpdk", Formula(3, 8, 512), 1280),
    ("dpdk", Formula(5, 16, 256), 1518), ("simple", Formula(3, 8, 256, ecrc=True), 64),
    ("kernel", Formula(3, 8, 256, ecrc=True), 512),
]


@pytest.mark.parametrize("name, formula, frame", ADAPTERS, ids=lambda value: getattr(value, "conditions", value))
def test_an_adapter_does_every_operation_of_its_list(name, formula, frame):
    got = answer(f"nic_{name}", f"{formula.conditions};frame={frame}")
    assert got == pytest.approx(formula.nic(name, frame - 4), rel=0.005)


@pytest.mark.parametrize("name", ["simple", "kernel", "dpdk"])
def test_published_curves_lack_the_request_for_receive_descriptors(name):
    formula = Formula(3, 8, 256)
    got = answer(f"nic_{name}_published", f"{formula.conditions};frame=128")
    assert got == pytest.approx(formula.nic(name, 124, prefetched=True), rel=0.005)


def test_a_rate_is_the_goodput_in_packets():
    formula = Formula(3, 4, 256)
    got = answer("nic_dpdk_rate", f"{formula.link};mrrs=512;frame=64;dma_bytes=60")
    assert got == pytest.approx(formula.nic("dpdk", 60) / 60 / 8 * 1000, rel=0.005)


@pytest.mark.parametrize("sizes, refused", [
    ("frame=63", "frame"), ("frame=16388", "frame"), ("frame=64;dma_bytes=13", "dma_bytes"),
    ("frame=64;dma_bytes=16384", "dma_bytes")])
def test_an_adapter_moves_no_packet_that_a_descriptor_cannot(sizes, refused):
    with pytest.raises(Unanswerable, match=f"^{refused}="):
        answer("nic_dpdk", f"{Formula(3, 8, 256).conditions};{sizes}")


@pytest.mark.parametrize("sizes, nbytes", [("frame=64", 60), ("frame=16387", 16_383), ("frame=64;dma_bytes=14", 14),
                                           ("frame=64;dma_bytes=16383", 16_383)])
def test_an_adapter_moves_the_smallest_and_the_largest(monkeypatch, sizes, nbytes):
    """Not run, which would take long: what would be is noted, a packet in 1 us."""
    run = []
    monkeypatch.setattr(adapters, "byte_for_byte", lambda packet_ps, link, size: run.append(size) or 1_000_000)
    assert answer("nic_dpdk", f"{Formula(3, 8, 256).conditions};{sizes}") == pytest.approx(nbytes * 8 / 1000)
    assert run == [nbytes]


# ---- the wire --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("speed, frame", [("1GbE", 64), ("2.5GbE", 1518), ("10GbE", 65), ("50GbE", 9018), ("100GbE", 1280),
                                          ("800GbE", 64)])
def test_line_rate_is_exact(speed, frame):
    got = answer("line_rate", f"link={speed};frame_incl_fcs={frame};preamble=8;ifg=12")
    assert got == pytest.approx(float(speed[:-3]) * 1e3 / ((frame + 20) * 8), rel=1e-12)


# ---- benches that stand still ---------------------------------------------------------------------------

@pytest.mark.parametrize("plane", PLANES)
def test_a_bench_in_which_nothing_will_happen_is_not_waited_for(plane):
    link, asked = bench.LinkSettings(), iter([True] * 1000 + [False])
    still = bench.Bench(plane, link.plane_config(num_vfs=0, num_rings=1), 64, 8)
    with pytest.raises(ModelBug, match="the bench stands still at [0-9]+ ps"):
        still.run_while(lambda: next(asked), 1000)


def test_an_adapter_to_which_no_frame_comes_is_not_waited_for(monkeypatch):
    adapter = adapters.NicRun("fast", bench.LinkSettings(), PUBLISHED_NICS["simple"], 64, False)
    runs, run = iter(range(2000)), adapter.bench.run
    monkeypatch.setattr(adapter.bench, "deliver", lambda pair, count: None)
    monkeypatch.setattr(adapter.bench, "run", lambda until: (next(runs), run(until)))
    with pytest.raises(ModelBug, match="the bench stands still"):
        adapter.packet_ps()


# ---- both planes -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("experiment, conditions", [
    ("link_tlp_rate_published", "pcie=gen4;width=x8;mps=256"),
    ("dma_write_formula", "pcie=gen3;width=x4;mps=256;payload=300"),
    ("dma_both_formula", "pcie=gen5;width=x8;mps=128;payload=520"),
    ("dma_read_formula", "pcie=gen3;width=x4;mps=256;payload=520;accounting=own"),
    ("line_rate", "link=25GbE;frame_incl_fcs=256"),
    ("nic_kernel", "pcie=gen3;width=x8;frame=96"),
])
def test_both_planes_give_the_same_answer(experiment, conditions):
    assert answer(experiment, conditions) == answer(experiment, conditions, "reference")


def test_the_plane_that_was_asked_for_does_it(command, points, monkeypatch):
    asked = []
    make = bench.make_plane
    monkeypatch.setattr(bench, "make_plane", lambda name, config: asked.append(name) or make(name, config))
    adapter = row("b", experiment="nic_dpdk", conditions="pcie=gen3;width=x8;frame=64", value="18.07", kind="rel", tol="0.01")
    assert command("validate", points(row("a")), "--plane", "reference")[0] == 0
    assert command("validate", points(adapter))[0] == 0
    assert asked == ["reference", "fast"]


# ---- what has no answer ----------------------------------------------------------------------------------

@pytest.mark.parametrize("experiment, conditions, says", [
    ("dma_write_formula", "pcie=gen6;width=x8;payload=64", "pcie=gen6 is not modelled"),
    ("dma_write_formula", "pcie=gen3;width=x32;payload=64", "width=x32 is not modelled"),
    ("dma_write_formula", "pcie=gen3;width=x8", '"payload" is missing'),
    ("dma_write_formula", "pcie=gen3;width=x8;payload=64;iommu=on", "the condition iommu is not known"),
    ("dma_write_formula", "pcie=gen3;width=x8;payload=3", "payload=3 is not modelled; it can be 4 to 16383"),
    ("dma_write_formula", "pcie=gen3;width=x8;payload=64.5", "payload=64.5 is not a whole number"),
    ("dma_read_formula", "pcie=gen3;width=x8;payload=64;mps=300", "mps=300 is not modelled"),
    ("tlp_overhead_mwr", "addr=64;ecrc=2", "ecrc=2 is not modelled"),
    ("line_rate", "link=10GbE;frame_incl_fcs=64;preamble=7", "preamble=7 is not modelled"),
    ("line_rate", "link=fast;frame_incl_fcs=64", "link=fast is not a speed"),
    ("line_rate", "link=7GbE;frame_incl_fcs=64", "not a whole number of 1/1024 ps"),
    ("nic_dpdk", "pcie=gen3;width=x8;frame=60", "frame=60 is not modelled"),
])
def test_an_unknown_condition_is_named(experiment, conditions, says):
    with pytest.raises(Unanswerable, match=says.replace("(", r"\(")):
        answer(experiment, conditions)


# ---- the command -----------------------------------------------------------------------------------------

@pytest.fixture
def points(tmp_path):
    def write(text, header=HEADER):
        path = tmp_path / "points.csv"
        path.write_text(header + text)
        return path

    return write


def row(number, value="24", experiment="tlp_overhead_mwr", conditions="addr=64;ecrc=0", kind="exact", tol="0"):
    return f'{number},pcie_const,{experiment},{value},B,{conditions},{kind},{tol},"a test, of course"\n'


def test_every_shipped_point_is_answered_within_its_tolerance(command):
    status, out, err = command("validate", "--json")
    rows = json.loads(out)["rows"]
    assert (status, err) == (0, "") and len(rows) == len(read(shipped())) > 50
    assert all(row["ok"] for row in rows)


def test_a_row_says_what_was_expected_and_what_came_out(command, points):
    path = points(row("a") + row("b", conditions="addr=32;ecrc=0", value="20.5", kind="rel", tol="0.05")
                  + row("c", experiment="nobody_knows") + row("d", value="6/7", kind="note", tol="rel 2%"))
    status, out, err = command("validate", path, "--json")
    assert (status, err) == (0, "")
    value = json.loads(out)
    assert value["schema"] == 1
    assert value["rows"][0] == {"id": "a", "group": "pcie_const", "expected": 24.0, "got": 24.0, "error": 0.0,
                                "tolerance": 0.0, "ok": True, "reason": None}
    assert value["rows"][1]["error"] == pytest.approx(-0.5 / 20.5)
    assert [(r["got"], r["ok"], r["reason"]) for r in value["rows"][2:]] == [
        (None, None, 'there is no experiment "nobody_knows"'), (None, None, "the row is for reading")]


def test_a_point_outside_its_tolerance_makes_status_1(command, points):
    status, out, _ = command("validate", points(row("a") + row("b", value="23", kind="abs", tol="0.9")))
    assert status == 1 and "NO" in out and "outside its tolerance" in out


def test_the_table_ends_with_a_line_a_group(command, points):
    status, out, _ = command("validate", points(row("a") + row("b", conditions="addr=64;ecrc=2")))
    assert status == 0
    assert out.splitlines()[-1].split() == ["pcie_const", "2", "1", "1", "0"]


@pytest.mark.parametrize("text, says", [
    (row("a", value="many"), 'line 2: value "many" is not a number'),
    (row("a", value="nan"), 'line 2: value "nan" is not a number'),
    (row("a") + row("b", tol="-1"), 'line 3: tol "-1" is negative'),
    (row("a", kind="about"), 'line 2: tol_kind "about" must be rel, abs, exact or note'),
    (row("a", conditions="addr"), 'line 2: the condition "addr" is not key=value'),
    (row("a", conditions="=64"), 'line 2: the condition "=64" is not key=value'),
    (row("a", conditions="addr=64;addr=32"), 'line 2: the condition "addr" is there twice'),
    ("a,b,c\n", "line 2: the line has not 9 fields"),
    ('a,"b\n', "is not a CSV file"),
    ("", "there are no points"),
])
def test_a_bad_file_is_one_sentence_and_status_2(command, points, text, says):
    status, out, err = command("validate", points(text))
    assert (status, out) == (2, "") and says in err and err.count("\n") == 1


def test_a_missing_column_file_or_plane_is_one_sentence_and_status_2(command, points, tmp_path):
    for arguments, says in (((points("1,2\n", "id,value\n"),), "there is no column group, experiment, conditions, tol_kind, tol"),
                            ((tmp_path / "nowhere.csv",), "no such file"), ((tmp_path,), "is a directory"),
                            (("--plane", "slow"), "slow")):
        status, out, err = command("validate", *arguments)
        assert (status, out) == (2, "") and says in err and err.count("\n") == 1
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00id")
    assert command("validate", tmp_path / "binary.csv")[0] == 2
