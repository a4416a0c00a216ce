"""The command: exit status, what goes to which stream, one sentence for every mistake, Ctrl-C."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import tomllib
from pathlib import Path
from types import SimpleNamespace

import lab_fakes
import pytest

from nicmodel.datasheet.rules import RULES

ROOT = Path(__file__).parents[2]
UNMET = 'num_vfs = 2\n[[expect]]\nwhat = "jain"\nbelow = 0.5\nsource = "a test"\n'
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}


def test_list_names_every_shipped_scenario(command):
    status, out, err = command("list")
    assert status == 0 and err == ""
    for name in ("vf_scaling", "packet_size", "one_vf", "rx_overload", "pf_and_vfs", "bad_vf_driver"):
        assert name in out
    rows = json.loads(command("list", "--json")[1])
    assert rows["schema"] == 1 and {"name", "doc"} == set(rows["rows"][0])


def test_run_prints_a_table_totals_links_and_time(testbench, command):
    status, out, err = command("run", "vf_scaling", "--set", "num_vfs=3")
    assert status == 0 and err == ""
    for text in (
        "Tx packets",
        "1,001",
        "Tx total",
        "3,003 packets",
        "wire tx 25.0 %",
        "Jain index 1.000000",
        "met",
        "simulated",
        "of wall time",
    ):
        assert text in out


def test_run_names_drops_by_reason(testbench, command):
    assert "no_descriptor 7" in command("run", "rx_overload")[1]


def test_json_is_one_value_and_deterministic(testbench, command):
    _, first, err = command("run", "vf_scaling", "--json", "--seed", "5")
    _, second, _ = command("run", "vf_scaling", "--json", "--set", "seed=5", "--plane", "reference")
    assert err == ""
    first, second = json.loads(first), json.loads(second)
    assert first["simulated"] == second["simulated"] and first["meta"] == second["meta"]
    assert (first["wall"]["plane"], second["wall"]["plane"]) == ("fast", "reference")
    assert first["simulated"]["vfs"][0]["tx_packets"] == 1005


def test_an_unmet_expectation_is_status_1(testbench, command, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(UNMET)
    status, out, _ = command("run", file)
    assert status == 1 and "NOT MET" in out


def test_strict_fails_on_a_closed_vf(testbench, command):
    assert command("run", "bad_vf_driver", "--set", "expect=[]")[0] == 0
    status, out, _ = command("run", "bad_vf_driver", "--set", "expect=[]", "--strict")
    assert status == 1 and "VF 2 is closed" in out and "VF-INIT-12" in out


def test_broken_rules_are_shown_with_evidence(monkeypatch, command):
    def run_machine(scenario, **kw):
        measured = lab_fakes.run_machine(scenario)
        measured.rules = [
            SimpleNamespace(rule="VF-INIT-12", adapter="VF 0", verdict="broken", evidence="left null"),
            SimpleNamespace(rule="VF-INIT-13", adapter="VF 0", verdict="obeyed", evidence="fine"),
        ]
        return measured

    lab_fakes.install(monkeypatch, run_machine=run_machine)
    out = command("run", "one_vf", "--set", "expect=[]")[1]
    assert "Rule VF-INIT-12 is broken by VF 0: left null" in out and "VF-INIT-13" not in out


def test_out_and_plot_write_whole_files(testbench, command, tmp_path):
    out = tmp_path / "a" / "b"
    status, _, err = command("run", "vf_scaling", "--out", out, "--plot", "--set", "record.rows=true")
    assert status == 0 and "vf_scaling.png" in err
    assert sorted(p.name for p in out.iterdir()) == [
        "vf_scaling.json",
        "vf_scaling.png",
        "vf_scaling.rows.parquet",
    ]
    assert json.loads((out / "vf_scaling.json").read_text())["meta"]["scenario"] == "vf_scaling"


@pytest.mark.parametrize("out", [True, False])
def test_rows_that_go_nowhere_are_told_of(testbench, command, tmp_path, out):
    asked = ["--out", tmp_path] if out else []
    status, _, err = command("run", "vf_scaling", "--set", "record.rows=true", *asked)
    told = "nicmodel: rows are recorded (record.rows) and kept nowhere: --out DIR keeps them\n"
    assert status == 0 and err == ("" if out else told)


def test_plot_alone_writes_here(testbench, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command("run", "vf_scaling", "--plot")[0] == 0
    assert [p.name for p in tmp_path.iterdir()] == ["vf_scaling.png"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "vf_scalling"], "the nearest shipped one is vf_scaling"),
        (["run", "none.toml"], "cannot be read"),
        (
            ["run", "vf_scaling", "--set", "num_fvs=3"],
            "--set: num_fvs is not a key; the nearest known key is num_vfs",
        ),
        (["run", "vf_scaling", "--set", "num_vfs=0"], "takes 1 to 256 VFs"),
        (["run", "vf_scaling", "--set", "frame_size=64ns"], "unit must be one of"),
        (["run", "vf_scaling", "--set", "pcie.mps=4096"], "supports at most 512B"),
        (["run", "vf_scaling", "--set", "ring_size=7"], "multiple of 8"),
        (["run", "vf_scaling", "--set", "nothing"], "write key=value"),
        (["run", "vf_scaling", "--set", "num_vfs=1", "--set", "num_vfs=2"], "--set: num_vfs is set twice: write it once"),
        (["lspci", "--set", "num_vfs=1", "--set", " num_vfs = 1"], "--set: num_vfs is set twice: write it once"),
        (["run", "vf_scaling", "--plane", "slow"], "must be one of fast, reference"),
        (["run", "vf_scaling", "--seed", "x"], "Invalid value for '--seed': \"x\" is no whole number; see nicmodel run --help"),
        (["explain", "vf_scaling", "--workers", "2.5"],
         "Invalid value for '--workers': \"2.5\" is no whole number; see nicmodel explain --help"),
        (["run"], "Missing argument 'SCENARIO'; see nicmodel run --help"),
        (["run", "vf_scaling", "--frob"], "No such option"),
        (["frob"], "No such command 'frob'; see nicmodel --help"),
        (["sweep", "vf_scaling"], "Missing option '--out'"),
        (["sweep", "vf_scaling", "--out", "x", "--set", "num_vfs=1,,2"], "empty value"),
        (["sweep", "vf_scaling", "--out", "x", "--set", "num_vfs=1,900"], "takes 1 to 256 VFs"),
        (["sweep", "vf_scaling", "--out", "x", "--set", "num_vfs=1", "--set", "num_vfs=2"], "is set twice"),
        (["sweep", "vf_scaling", "--out", "x", "--workers", "0"], "workers: 0 is not allowed: a sweep needs"),
        (["sweep", "vf_scaling", "--out", "x", "--seed", "-1"], "--seed: -1 is not allowed"),
        (["sweep", "vf_scaling", "--out", "x", "--seed", "1", "--set", "seed=1,2"], "--seed: seed is set by --set, too"),
        (["sweep", "vf_scaling", "--out", ""], "Invalid value for '--out': \"\" is no folder"),
        (["run", "vf_scaling", "--out", ""], "Invalid value for '--out': \"\" is no folder"),
        (["run", "vf_scaling", "--seed", "-1"], "--seed: -1 is not allowed"),
        (["run", "vf_scaling", "--set", "driver.mutants.0=\udcff"], "is not UTF-8 text"),
        (["run", "vf_scaling", "--seed", "1", "--set", "seed=2"], "--seed: seed is set by --set, too"),
        (["run", "vf_scaling", "--seed", "1", "--set", "num_vfs=0"], "--set: num_vfs: 0 is not allowed"),
        (["explain", "vf_scaling", "--workers", "0"], "workers: 0 is not allowed: explain needs a whole number, 1 or more"),
        (["rules", "--driver", "99=drivers.vf:VfMiniport"], "--driver: there is no VF 99"),
        (["rules", "--driver", "x=drivers.vf:VfMiniport"], '--driver: "x" is not allowed'),
        (["rules", "--driver", "pf=drivers.vf:VfMiniport"], '--driver: "drivers.vf:VfMiniport" is not allowed: it is no driver'),
        (["rules", "--driver", "drivers.vf"], '--driver: "drivers.vf" is not allowed: write module:Class'),
        (["rules", *["--driver", "drivers.vf:VfMiniport"] * 2], "--driver: VF 0 is given two drivers"),
        (["rules", "--driver", "0=a:B", "--set", "driver.mutants.0=c:D"], "--driver: driver.mutants.0 is set by --set, too"),
        (["replay", "none.pcap"], "cannot be read"),
        (["replay", "none.pcap", "--set", "frame_size=3"], "frame_size: a replay does not use it: it takes profile"),
        (["replay", "none.pcap", "--set", "traffic.loads.0=50%"], "traffic.loads.0: a replay does not use it: it takes profile"),
        (["lspci", "vf_scaling", "-o", "no/such/dump"], "does not exist"),
        (["rules", "nothing"], "there is no scenario"),
    ],
)
def test_a_mistake_is_one_sentence_and_status_2(testbench, command, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    status, out, err = command(*arguments)
    assert status == 2 and out == ""
    assert says in err and err.count("\n") == 1 and "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [["run", "vf_scaling"], ["sweep", "vf_scaling", "--set", "num_vfs=1,2"]]
)
def test_an_unwritable_out_is_refused_before_anything_runs(monkeypatch, command, tmp_path, arguments):
    ran = []
    lab_fakes.install(monkeypatch, run_machine=lambda *a, **k: ran.append(1))
    (tmp_path / "file").write_text("")
    status, out, err = command(*arguments, "--out", tmp_path / "file" / "below")
    assert status == 2 and out == "" and "cannot be written" in err and err.count("\n") == 1
    assert not ran and [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("taken", ["vf_scaling.json", "vf_scaling.rows.parquet", "vf_scaling.png"])
def test_a_file_that_cannot_be_written_is_refused_before_anything_runs(monkeypatch, command, tmp_path, taken):
    ran = []
    lab_fakes.install(monkeypatch, run_machine=lambda *a, **k: ran.append(1))
    (tmp_path / taken).mkdir()
    status, out, err = command("run", "vf_scaling", "--out", tmp_path, "--plot", "--set", "record.rows=true")
    assert status == 2 and out == "" and f"--out: {tmp_path / taken} is a folder" in err and err.count("\n") == 1
    assert not ran and [p.name for p in tmp_path.iterdir()] == [taken]


def test_a_dump_is_not_written_over_its_scenario(testbench, command, tmp_path):
    (tmp_path / "mine.toml").write_text("num_vfs = 1\n")
    status, _, err = command("lspci", tmp_path / "mine.toml", "-o", tmp_path / "mine.toml")
    assert status == 2 and "-o: " in err and "is the file that is read" in err
    assert (tmp_path / "mine.toml").read_text() == "num_vfs = 1\n"


def test_lspci_and_rules_use_the_brought_up_machine(monkeypatch, command, tmp_path):
    row = {
        "id": "VF-INIT-01",
        "source": "page",
        "severity": "must",
        "reading": "literal",
        "verdict": "obeyed",
        "evidence": "seen",
    }
    machine = SimpleNamespace(endpoint="endpoint", rule_rows=lambda: [row], examine=lambda: None, failures=dict)
    lab_fakes.install(monkeypatch, bring_up=lambda scenario: machine)
    monkeypatch.setitem(
        sys.modules, "nicmodel.pcie.lspci", SimpleNamespace(dump=lambda endpoint: f"{endpoint}\n")
    )
    assert command("lspci")[1] == "endpoint\n"
    status, out, _ = command("lspci", "one_vf", "-o", tmp_path / "dump")
    assert status == 0 and out == "" and (tmp_path / "dump").read_text() == "endpoint\n"
    printed = json.loads(command("rules", "--json")[1])
    assert printed["schema"] == 1 and len(printed["rows"]) == len(RULES) == sum(printed["standing"].values())
    assert next(r for r in printed["rows"] if r["id"] == "VF-INIT-01").items() >= row.items()
    assert "| VF-INIT-01 | VF | MiniportInitializeEx |" in command("rules", "--markdown")[1]
    assert command("rules")[1].splitlines()[-1].endswith(" not checkable.")
    assert "VF-INIT-01" in command("rules")[1]


def test_what_help_says_of_a_command_is_said_whole(command):
    commands = command("--help")[1].partition("Commands:\n")[2].splitlines()
    assert len(commands) == 9 and all(line.endswith(".") and not line.endswith("...") for line in commands)


def test_help_answers_at_once():
    subprocess.run(
        [sys.executable, "-m", "nicmodel", "--help"], check=True, capture_output=True, env=ENVIRONMENT
    )
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "nicmodel", "--help"],
        check=True,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
    )
    assert time.monotonic() - begin < 5  # a loaded machine; the imports below are the point
    assert "sweep" in done.stdout
    for heavy in ("pandas", "matplotlib", "numpy", "pydantic", "simpy", "dpkt"):
        assert f" {heavy}\n" not in done.stderr


def test_a_bad_key_in_a_real_process():
    done = subprocess.run(
        [sys.executable, "-m", "nicmodel", "run", "vf_scaling", "--set", "num_fvs=3"],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
    )
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == "nicmodel: --set: num_fvs is not a key; the nearest known key is num_vfs\n"


SLOW = textwrap.dedent("""
    import sys, time
    import lab_fakes
    def run_machine(scenario, progress=None, stop=None, plane="fast", rows=None):
        print("running", file=sys.stderr, flush=True)
        while not stop.is_set():
            time.sleep(0.01)
        return lab_fakes.run_machine(scenario, None, stop)
    sys.modules["nicmodel.lab.testbench"] = lab_fakes.testbench(run_machine=run_machine)
    from nicmodel.lab.cli import main
    sys.exit(main(sys.argv[1:]))
""")


@pytest.mark.parametrize("flags", [[], ["--json"]])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_or_the_end_of_a_job_prints_what_was_measured_and_is_status_130(flags, number):
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, "run", "vf_scaling", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    assert process.stderr.readline() == "running\n"
    process.send_signal(number)
    begin = time.monotonic()
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130 and err == "" and time.monotonic() - begin < 5
    if flags:
        assert json.loads(out)["simulated"]["interrupted"] is True
    else:
        assert "Stopped early" in out and "1,001" in out


@pytest.mark.parametrize("arguments", ["registers --json", "rules", "list", "--help"])
def test_a_reader_that_leaves_is_no_error(arguments):
    """Whoever writes: print, rich or typer; at once or at the end."""
    done = in_a_shell(f"nicmodel {arguments} | true; exit ${{PIPESTATUS[0]}}")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
@pytest.mark.parametrize("arguments", ["registers --json", "rules", "list", "--help"])
def test_an_output_that_is_full_is_told(arguments):
    done = in_a_shell(f"nicmodel {arguments} > /dev/full")
    assert (done.returncode, done.stderr) == (2, "nicmodel: the output cannot be written: no space left on device\n")


def test_streams_that_are_closed_swallow_what_is_written():
    done = in_a_shell("nicmodel list >&-")
    assert (done.returncode, done.stderr) == (0, "")
    done = in_a_shell("nicmodel run nosuch 2>&-")
    assert (done.returncode, done.stdout) == (2, "")
    assert in_a_shell("nicmodel run nosuch 2>/dev/full").returncode == 2 or not Path("/dev/full").exists()


def test_a_name_that_the_output_cannot_spell_is_no_error():
    done = in_a_shell("PYTHONUTF8=0 PYTHONIOENCODING=ascii; export PYTHONUTF8 PYTHONIOENCODING; "
                      "nicmodel run one_vf --set 'id=\u5927 \u00fc' --set duration=1us --set expect=[]")
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("\\u5927 \\xfc: 1 VF on x520")


def in_a_shell(line):
    """A line for bash in which `nicmodel` is the command."""
    command = f'nicmodel() {{ "{sys.executable}" -m nicmodel "$@"; }}; {line}'
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=ENVIRONMENT)


@pytest.mark.parametrize(("number", "handler"), [(signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL),
                                                 (signal.SIGINT, signal.SIG_IGN), (signal.SIGTERM, signal.SIG_IGN)])
def test_ctrl_c_before_there_is_a_result_is_told(command, monkeypatch, number, handler):
    """Or the end of a job. Where it is not ignored, as in a script's background."""
    told = (130, "", "nicmodel: stopped before anything was measured\n")
    ends = (0, '{\n "schema": 1,\n "rows": []\n}\n', "") if handler == signal.SIG_IGN else told

    def shipped():
        if signal.getsignal(number) == signal.SIG_DFL:
            pytest.fail("this would end the process")
        signal.raise_signal(number)
        return {}

    monkeypatch.setattr("nicmodel.lab.loading.shipped", shipped)
    before = signal.signal(number, handler)
    try:
        assert command("list", "--json") == ends
        assert signal.getsignal(number) == handler
    finally:
        signal.signal(number, before)


SCRIPT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["nicmodel"]


@pytest.mark.parametrize("starts", [["-m", "nicmodel"], ["-c", "import sys; from {} import {} as it; sys.exit(it())".format(
    *SCRIPT.split(":"))]])
@pytest.mark.parametrize("module", ["typer", "importlib.resources"])
def test_ctrl_c_while_the_command_is_still_being_imported_is_told(tmp_path, starts, module):
    """Before anything of ours can ask to be told of it: what a slow disk makes seconds of."""
    hook = f"""
        import os, signal, sys
        signal.signal(signal.SIGINT, signal.default_int_handler)        # a script's background ignores it
        class Interrupts:
            def find_spec(self, name, *_):
                if name == "{module}":
                    os.kill(os.getpid(), signal.SIGINT)
        sys.meta_path.insert(0, Interrupts())
        sys.modules.pop("{module}", None)
    """
    (tmp_path / "sitecustomize.py").write_text(textwrap.dedent(hook))
    environment = ENVIRONMENT | {"PYTHONPATH": os.pathsep.join([str(tmp_path), ENVIRONMENT["PYTHONPATH"]])}
    done = subprocess.run([sys.executable, *starts, "list"], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "nicmodel: stopped before anything was measured\n")


def test_files_are_written_though_nobody_reads_the_table(testbench, command, monkeypatch, tmp_path):
    def leave(_report):
        raise BrokenPipeError

    monkeypatch.setattr("nicmodel.lab.cli._show_run", leave)
    monkeypatch.setattr("nicmodel.lab.console._reader_has_left", lambda: 0)
    assert command("run", "vf_scaling", "--out", tmp_path)[0] == 0
    assert json.loads((tmp_path / "vf_scaling.json").read_text())["simulated"]["vfs"]


def test_the_table_is_shown_though_no_file_can_be_written(testbench, command, monkeypatch, tmp_path):
    def full(beside, *_args, **_keywords):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(Path, "write_text", full)
    status, out, err = command("run", "vf_scaling", "--out", tmp_path)
    assert status == 2 and "Tx total" in out
    assert err == f"nicmodel: {tmp_path}/vf_scaling.json: cannot be written: no space left on device\n"
    assert not list(tmp_path.iterdir())
