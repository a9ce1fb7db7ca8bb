import os
import pwd
import shutil

import pytest

from support import proc
from support.client import ask_for_facts
from support.programs import find, node_script


@pytest.fixture
def about(limpet, folder):
    """What a worker, started with these settings, tells about itself. Every user may read its program, and run Node."""
    def ask(env=None, arguments=(), **workers):
        program = shutil.copy(node_script("about_app.js"), folder)
        workers = {"command": [find("node"), str(program)], "count": 1, **workers}
        return ask_for_facts(limpet(workers=workers, env=env, arguments=arguments))
    return ask


def test_it_knows_its_pool_and_its_slot(run):
    proxy = run("about_app.js", count=3)
    slots = set()
    for number in range(30):
        told = ask_for_facts(proxy, headers={"X-Forwarded-For": f"203.0.113.{number}"})["environment"]
        assert told["LIMPET_POOL"] == "app"
        slots.add(told["LIMPET_SLOT"])
    assert slots == {"1", "2", "3"}


def test_variables_are_added_to_those_that_limpet_has(about):
    told = about(env={"FROM_LIMPET": "stays", "CHANGED": "old"},
                 environment={"CHANGED": "new", "EMPTY": "", "NUMBER": 7, "SPACES": " a b=c ", "LIMPET_SLOT": "9"})["environment"]
    assert (told["FROM_LIMPET"], told["CHANGED"], told["EMPTY"]) == ("stays", "new", "")
    assert (told["NUMBER"], told["SPACES"]) == ("7", " a b=c ")
    assert told["LIMPET_SLOT"] == "1"


def test_a_limpet_under_a_limpet_does_not_pass_the_others_channel_on(about):
    told = about(env={"LIMPET_FD": "9", "LIMPET_POOL": "other", "NODE_CHANNEL_FD": "8", "NODE_UNIQUE_ID": "5"})["environment"]
    assert "LIMPET_FD" not in told and told["LIMPET_POOL"] == "app"


def test_it_starts_in_its_folder(about, folder):
    own = folder / "own"
    own.mkdir()
    assert about(directory=str(own))["directory"] == str(own)


def test_without_a_folder_it_starts_where_limpet_did(about, folder):
    assert about()["directory"] == str(folder / "limpet-0")


def test_it_has_its_own_limits(about):
    limits = about(limits={"open-files": 777, "processes": 30000, "core": "3MiB"})["limits"]
    assert limits["Max open files"] == "777"
    assert limits["Max processes"] == "30000"
    assert limits["Max core file size"] == str(3 << 20)


def test_without_limits_it_has_those_that_limpet_was_started_with(run):
    """limpet raises its own, for its connections; a program that uses select() would be surprised."""
    proxy = run(command=["sh", "-c", "ulimit -Sn; ulimit -Hn; exec sleep 60"], count=1, ready=False,
                wrapper=["prlimit", "--nofile=500:5000"])
    assert proc.wait_until(lambda: proxy.output.count("\n") == 2)
    assert proxy.output == "500\n5000\n"
    assert proc.descriptor_limits(proxy.keeper) == (5000, 5000)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_it_is_its_user_and_nobody_else(about):
    told = about(user="nobody")
    nobody = pwd.getpwnam("nobody")
    assert (told["user"], told["groups"]) == (nobody.pw_uid, [nobody.pw_gid])
    assert about()["user"] == 0


def test_it_inherits_its_channels_and_nothing_else(run):
    """No listening socket, no log, no signal that limpet itself has switched off."""
    proxy = run(command=["sh", "-c", "grep Sig /proc/self/status; exec sleep 60"], count=1, ready=False)
    assert proc.wait_until(lambda: "SigCgt" in proxy.output and proc.program(proxy.workers["1"]) == "sleep")
    assert sorted(os.listdir(f"/proc/{proxy.workers['1']}/fd")) == ["0", "1", "2", "3", "4"]
    for mask in ("SigBlk", "SigIgn"):
        assert f"{mask}:\t0000000000000000" in proxy.output


@pytest.mark.parametrize("cpus", [1, 2])
def test_auto_is_one_for_each_cpu_that_may_be_used(run, cpus):
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < cpus:
        pytest.skip(f"this machine has only {len(usable)} CPU")
    chosen = ",".join(map(str, usable[:cpus]))
    proxy = run("http_app.js", count="auto", wrapper=["taskset", "-c", chosen], workers=cpus)
    assert set(proxy.workers) == {str(slot) for slot in range(1, cpus + 1)}
