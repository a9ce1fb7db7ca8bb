"""What the plan says about workers is told as well as what it says about addresses: by check, by why, by the engine."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from support.limpet import PROGRAM, environment, run

CONFIG = """
seed: s
listeners:
  - {pool: app}
  - {bind: ":8081", pool: mixed}
pools:
  app:
    workers:
      command: [node, "the server.js", "\\x1b[31m"]
      count: 4
      environment: {PASSWORD: hunter2}
      limits: {open-files: 4096}
  mixed:
    workers: {command: [./worker], count: 1, contract: limpet}
    servers: {old: "10.0.0.1:80"}
"""


@pytest.fixture
def file(folder):
    file = folder / "limpet.yaml"
    file.write_text(CONFIG)
    return file


def check(file, **more):
    return subprocess.run([PROGRAM, "check", "-c", file], capture_output=True, text=True, check=False, cwd=file.parent,
                          env={**environment(), **more})


def test_check_shows_what_is_started_and_where_it_listens(file):
    done = check(file)
    assert done.returncode == 0 and not done.stderr
    assert done.stdout.startswith("listener wherever the workers of pool app listen\n")
    assert re.search(r"workers +4, each with 25\.0 % of the clients\n", done.stdout)
    assert re.search(r"command +node the\\x20server\.js \\x1b\[31m\n", done.stdout)
    assert re.search(r"limits +4096 open files each\n", done.stdout)
    assert re.search(r"contract +limpet", done.stdout)
    assert re.search(r"servers +old +10\.0\.0\.1:80 +weight 1 +50\.0 %", done.stdout)
    assert "PASSWORD" in done.stdout and "hunter2" not in done.stdout


def test_why_says_which_worker_is_home(file):
    done = run("why", "-c", file, "--peer", "203.0.113.9")
    text = done.stdout.decode()
    assert done.returncode == 0 and not done.stderr
    assert "the listen() of app (1 of 2)" in text
    home = re.search(r"^Result +worker ([1-4]), which is handed the connection; if it cannot be reached, worker [1-4]$", text, re.M)
    told = json.loads(run("why", "-c", file, "--peer", "203.0.113.9", "--json").stdout)
    assert home.group(1) == told["server"]
    assert [place["worker"] for place in told["ranking"]] == [int(place["server"]) for place in told["ranking"]]
    assert {place["address"] for place in told["ranking"]} == {None}


def test_addresses_and_workers_are_told_apart(file):
    told = json.loads(run("why", "-c", file, "--listener", "2", "--json").stdout)
    assert sorted((place["server"], place["address"], place["worker"]) for place in told["ranking"]) == [
        ("1", None, 1), ("old", "10.0.0.1:80", None)]


def test_npm_start_is_warned_of_with_the_command_to_write(folder):
    file = folder / "limpet.yaml"
    file.write_text("seed: s\nlisteners: {pool: app}\npools: {app: {workers: {command: [npm, start]}}}\n")
    (folder / "package.json").write_text('{"scripts": {"start": "NODE_ENV=production node dist/main.js"}}')
    done = check(file)
    assert done.returncode == 0
    assert "write `env NODE_ENV=production node dist/main.js` instead of `npm start`" in done.stderr


def test_the_environment_names_an_admin_socket_where_the_file_does_not(folder, file):
    assert re.search(rf"admin +unix:{folder}/a\n", check(file, LIMPET_ADMIN=f"unix:{folder}/a").stdout)
    assert "admin " not in check(file, LIMPET_ADMIN="").stdout
    assert 'LIMPET_ADMIN "/a": ' in check(file, LIMPET_ADMIN="/a").stderr
    file.write_text(f"admin: unix:{folder}/b\n" + CONFIG)
    assert re.search(rf"admin +unix:{folder}/b\n", check(file, LIMPET_ADMIN=f"unix:{folder}/a").stdout)
    file.write_text("admin: off\n" + CONFIG)
    assert "admin " not in check(file, LIMPET_ADMIN=f"unix:{folder}/a").stdout


def test_every_cpu_that_may_be_used_counts_and_no_other(file):
    cpu = min(os.sched_getaffinity(0))
    file.write_text(CONFIG.replace("count: 4", "count: auto"))
    done = subprocess.run(["taskset", "-c", str(cpu), PROGRAM, "check", "-c", file], capture_output=True, text=True,
                          env=environment(), check=True)
    assert re.search(r"workers +1, each with 100\.0 %", done.stdout)
    assert re.search(r"threads +1\n", done.stdout)


def test_the_engine_counts_as_many_cpus_as_its_keeper_did(limpet, server):
    """Else two processes would make two plans of one file, if the machine's CPUs change in between."""
    proxy = limpet([server("a")])
    told = re.search(rb"\0LIMPET_CPUS=(\d+)\0", b"\0" + Path(f"/proc/{proxy.engine}/environ").read_bytes())
    threads = re.search(r"threads +(\d+)\n", run("check", "-c", proxy.file).stdout.decode())
    assert min(int(told.group(1)), 64) == int(threads.group(1))
