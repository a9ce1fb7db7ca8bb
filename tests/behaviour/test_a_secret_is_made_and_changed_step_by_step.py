"""`limpet secret` makes the lines that seal cookies, and keeps the file whole through each step of a rotation."""

import os
import re
import stat
import subprocess

import pytest

from support.limpet import PROGRAM, run

LINE = re.compile(r"[0-9a-f]{64}\n")


@pytest.fixture
def file(folder):
    return folder / "secret"


def lines(file):
    return file.read_text().splitlines()


def change(step, file):
    done = run("secret", step, str(file))
    assert done.returncode == 0 and not done.stderr, done
    return done.stdout.decode()


def refused(*words):
    done = run("secret", *map(str, words))
    assert done.returncode == 1 and not done.stdout, done
    return done.stderr.decode()


def test_each_secret_is_another_line():
    made = {run("secret").stdout.decode() for _ in range(20)}
    assert len(made) == 20
    assert all(LINE.fullmatch(line) for line in made)


def test_a_new_file_is_its_owners_alone(file):
    change("--append", file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert LINE.fullmatch(file.read_text())
    assert os.listdir(file.parent) == ["secret"]


def test_a_rotation_appends_promotes_and_retires(file):
    change("--append", file)
    (old,) = lines(file)
    assert "the first still seals" in change("--append", file)
    first, new = lines(file)
    assert first == old != new
    change("--promote", file)
    assert lines(file) == [new, old]
    assert "has one secret now; bring it to every frontend" in change("--retire", file)
    assert lines(file) == [new]


def test_where_there_is_nothing_to_retire_nothing_is_written(file):
    change("--append", file)
    before = file.stat()
    told = change("--retire", file)
    assert "nothing to retire" in told and "begin with --append" in told
    assert "restart" not in told
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_remarks_stay_where_they_are(file):
    one, two = run("secret").stdout.decode(), run("secret").stdout.decode()
    file.write_text(f"# of spring\n{one}\n# of autumn\n{two[:-1]}")
    file.chmod(0o640)
    change("--promote", file)
    assert file.read_text() == f"# of spring\n{two}{one}\n# of autumn\n"
    change("--retire", file)
    assert file.read_text() == f"# of spring\n{two}\n# of autumn\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file to somebody else")
def test_the_owner_stays(file):
    change("--append", file)
    os.chown(file, 65534, 65534)
    change("--append", file)
    assert (file.stat().st_uid, file.stat().st_gid) == (65534, 65534)


def test_a_link_stays_one(file):
    change("--append", file)
    link = file.parent / "link"
    link.symlink_to("secret")
    change("--append", link)
    assert link.is_symlink()
    assert len(lines(file)) == 2


def test_what_cannot_be_done_is_said_and_changes_nothing(file):
    change("--append", file)
    assert "nothing to promote" in refused("--promote", file)
    for _ in range(15):
        change("--append", file)
    before = file.read_text()
    assert "retire" in refused("--append", file)
    assert file.read_text() == before


@pytest.mark.parametrize("step", ["--append", "--promote", "--retire"])
def test_a_file_that_is_no_secret_is_left_alone(file, step):
    file.write_text(run("secret").stdout.decode() + "password\n")
    file.chmod(0o600)
    assert refused(step, file).startswith(f"{file}:2: error: this line is too short")
    assert len(lines(file)) == 2
    file.chmod(0o644)
    assert "others than its owner" in refused(step, file)


@pytest.mark.parametrize("step", ["--promote", "--retire"])
def test_only_append_makes_a_file(file, step):
    assert "No such file" in refused(step, file)
    assert not file.exists()


def test_a_folder_that_is_missing_is_said(file):
    assert "No such file" in refused("--append", file / "secret")


def test_one_step_at_a_time(file):
    done = run("secret", "--append", str(file), "--promote", str(file))
    assert done.returncode == 2
    assert b"one step at a time: --append or --promote" in done.stderr
    assert not file.exists()


def test_a_full_disk_is_said():
    with open("/dev/full", "wb") as full:
        done = subprocess.run([PROGRAM, "secret"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert b"No space left" in done.stderr
