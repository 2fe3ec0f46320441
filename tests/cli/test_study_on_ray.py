"""Studies on a real Ray cluster on this machine: a node dies, and they end with the bytes of an undisturbed study."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.cli.conftest import QUICK, Paribus
from tests.cli.test_kills import digest, workers_of
from tests.cli.test_study_kills import check_each_run_once, images_logged, plan, started, whole

if TYPE_CHECKING:
    from ray._private.node import Node
    from ray.cluster_utils import Cluster

IMAGES = 20_000
"""Of each run: some seconds of training, so that it is not over before a node died or Ctrl-C was heard in them."""
NODE = {"num_cpus": 1, "object_store_memory": 100 << 20, "include_dashboard": False}
SOON_DEAD = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 3}
"""How soon the head gives up a node."""


@contextmanager
def ray_environment() -> Iterator[None]:
    """A place for Ray's sockets, whose paths must be short, and its token, where no other cluster is found."""
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {"RAY_TMPDIR": folder, "HOME": folder, "RAY_USAGE_STATS_ENABLED": "0"}.items():
            environment.setenv(name, value)
        yield
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A head with one CPU; tests add and kill the other nodes."""
    from ray.cluster_utils import Cluster

    with ray_environment():
        cluster = Cluster(initialize_head=True, head_node_args=NODE | {"_system_config": SOON_DEAD})
        yield cluster
        cluster.shutdown()


def begun(study: Path) -> dict[Path, str]:
    """Each run with a checkpoint, and the first line of its log, whose seconds no second beginning would repeat."""
    runs = [checkpoint.parents[1] for checkpoint in (study / "runs").glob("*/checkpoint/state.pt")]
    return {run: (run / "metrics.jsonl").read_text().partition("\n")[0] for run in runs}


def runs_on(node: Node, folder: Path) -> set[Path]:
    """Of the study in the folder: those whose process descends from the node's raylet."""
    raylet = node.all_processes["raylet"][0].process.pid
    return {
        Path(Path(f"/proc/{worker}/cmdline").read_text().rstrip("\0").split("\0")[-1])
        for worker in workers_of(folder)
        if raylet in ancestors(int(worker))
    }


def ancestors(process: int) -> Iterator[int]:
    while process:
        yield process
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def wait_for(what: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    while not what():
        assert process.poll() is None, process.returncode
        time.sleep(0.01)


def survives_the_death_of_a_node(paribus: Paribus, cluster: Cluster, content: dict[str, Any]) -> None:
    node = cluster.add_node(**NODE)
    undisturbed = whole(paribus, content)
    expected = {run.name: digest(run) for run in (undisturbed / "runs").iterdir()}
    study = paribus.folder / "broken"
    runs = study / "runs"
    process = started(paribus, study, ["--engine", cluster.address])

    def is_time() -> bool:
        finished = len(list(runs.glob("*/done.json")))
        with suppress(FileNotFoundError, ProcessLookupError):  # a process that ended while it was looked at
            dying = runs_on(node, paribus.folder) & begun(study).keys()
            return finished >= len(expected) // 3 and any(images_logged(run) < IMAGES // 2 for run in dying)
        return False

    wait_for(is_time, process)
    before = begun(study)
    cluster.remove_node(node, allow_graceful=False)
    assert process.wait(timeout=900) == 0, (paribus.folder / "said.txt").read_text()
    assert begun(study).items() >= before.items(), "a run began anew"
    assert {run.name: digest(run) for run in runs.iterdir()} == expected
    check_each_run_once(study, len(expected), 1, IMAGES)


@pytest.mark.slow
@pytest.mark.processes
def test_a_study_survives_the_death_of_a_node(paribus: Paribus, cluster: Cluster) -> None:
    survives_the_death_of_a_node(paribus, cluster, plan(["vae", "gan"], [8], 1, IMAGES))


@pytest.mark.slow
def test_a_large_study_survives_the_death_of_a_node(paribus: Paribus, cluster: Cluster) -> None:
    survives_the_death_of_a_node(paribus, cluster, plan(["vae", "gan", "dcgan"], [8, 12], 3, IMAGES))


@pytest.mark.slow
@pytest.mark.processes
def test_a_run_that_no_node_has_room_for_is_refused(paribus: Paribus, cluster: Cluster) -> None:
    command = ["compare", "--models", "vae", "--seeds", "1", "--budget", "1kimg", "--engine", cluster.address]
    refused = paribus(*command, *QUICK, "-o", "training.threads=64", code=2).stderr
    assert "No node of the Ray cluster has room for the run." in refused
    assert "64 CPUs and 0 GPUs" in refused
    assert "at most 1 CPUs and 0 GPUs" in refused


@pytest.mark.slow
@pytest.mark.processes
def test_ctrl_c_stops_a_study_on_ray_and_the_local_engine_carries_on(tmp_path: Path) -> None:
    with ray_environment():
        paribus = Paribus(tmp_path)
        (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan(["vae"], [8], 1, 2 * IMAGES)))
        command = ["study", "run", "plan.yaml", "--out", "study"]
        process = paribus.start(*command, "--engine", "ray", start_new_session=True)
        wait_for(lambda: bool(begun(tmp_path / "study")), process)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to the processes of Ray, too
        _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "the same command resumes from the checkpoints" in err
    assert not workers_of(tmp_path)
    before = begun(tmp_path / "study")
    paribus(*command, "--engine", "local")
    assert begun(tmp_path / "study") == before, "a run began anew"
