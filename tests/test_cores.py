"""How many cores there are to use: of the machine, of the affinity, of the container's quota."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tagger import process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs control groups, which Linux has")
ALLOWED = 8


@pytest.mark.parametrize(
    ("own", "files", "cores"),
    [
        ("", {}, ALLOWED),
        ("0::/", {"cpu.max": "max 100000"}, ALLOWED),
        ("0::/", {"cpu.max": "200000 100000"}, 2),
        ("0::/", {"cpu.max": "150000 100000"}, 2),  # half a core more is used up by a second process
        ("0::/", {"cpu.max": "5000 100000"}, 1),
        ("0::/", {"cpu.max": "1600000 100000"}, ALLOWED),
        ("0::/", {"cpu.max": "what is this"}, ALLOWED),
        ("0::/a.slice/b.service", {"a.slice/cpu.max": "300000 100000", "a.slice/b.service/cpu.max": "max 100000"}, 3),
        ("0::/a.slice/b.service", {"a.slice/cpu.max": "900000 100000", "a.slice/b.service/cpu.max": "10 10"}, 1),
        ("0::/../outside", {"cpu.max": "200000 100000"}, 2),
        ("1:name=systemd:/x\n4:cpu,cpuacct:/docker/1f", {"cpu/cpu.cfs_quota_us": "200000",
                                                         "cpu/cpu.cfs_period_us": "100000"}, 2),
        ("4:cpu,cpuacct:/a", {"cpu/a/cpu.cfs_quota_us": "50000", "cpu/a/cpu.cfs_period_us": "50000",
                              "cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ("4:cpu:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, ALLOWED),
        ("2:cpuset:/\n0::/", {"cpu/cpu.cfs_quota_us": "1", "cpu/cpu.cfs_period_us": "1"}, ALLOWED),
    ],
)  # fmt: skip
def test_quotas_of_containers_are_seen(
    own: str, files: dict[str, str], cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in files.items():
        (tmp_path / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "groups" / name).write_text(text + "\n")
    (tmp_path / "own").write_text(own + "\n" * bool(own))
    monkeypatch.setattr(process, "OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(process, "GROUPS", tmp_path / "groups")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(ALLOWED)))
    monkeypatch.delenv("PYTHON_CPU_COUNT", raising=False)
    assert process.cores() == cores


@pytest.mark.parametrize(("told", "cores"), [("5", 5), ("0", None), ("default", None), ("", None)])
def test_python_cpu_count_is_obeyed(told: str, cores: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = process.cores()
    monkeypatch.setenv("PYTHON_CPU_COUNT", told)
    assert process.cores() == (cores or usual)


def test_the_affinity_is_seen() -> None:
    one = min(os.sched_getaffinity(0))
    code = f"import os\nos.sched_setaffinity(0, {{{one}}})\nfrom tagger.process import cores\nprint(cores())"
    env = {name: value for name, value in os.environ.items() if name != "PYTHON_CPU_COUNT"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert done.stdout == "1\n"
