"""`limpet check` tells in words how clients are remembered: for how long, who knows it, what memory it takes, what outlives limpet."""

import json

import pytest

from support.limpet import run

SECRET = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"


@pytest.fixture
def checked(folder):
    def check(stick, **more):
        secret = folder / "secret"
        secret.write_text(SECRET)
        secret.chmod(0o600)
        file = folder / "limpet.yaml"
        file.write_text(json.dumps({
            "seed": "tests", "secret": str(secret), **more, "user": "nobody",
            "listeners": [{"bind": "127.0.0.1:8080", "pool": "app"}],
            "pools": {"app": {"key": "header:X-User", "no-key": "random", "servers": {"a": "10.0.0.1:80", "b": "10.0.0.2:80"},
                              **({"stick": stick} if stick else {})}}}))
        return run("check", "-c", file)
    return check


def test_each_way_is_told_in_its_order(checked, folder):
    done = checked([{"cookie": "limpet"}, {"session": "cookie:SID"}, {"table": "memcached", "for": "2h"}],
                   memcached=["10.0.9.1:11211", "unix:/run/m"], pins={"most": 4194304, "file": str(folder / "pins")})
    text = done.stdout.decode()
    assert done.returncode == 0 and not done.stderr, done
    assert """
  remembers   cookie: limpet, for 1d after the last request; SameSite=Lax
              session: cookie:SID, for 1h after the last request; all frontends know it
              table: memcached, for 2h after the last visit; all frontends know it
  key         header:X-User, else any server
""" in text
    assert f"""
  pins        4194304 are kept here at most, then in about 256 MiB of memory;
              saved in {folder}/pins, every minute and at the end
  memcached   10.0.9.1:11211
              unix:/run/m; each of them keeps its part of the pins
""" in text
    assert "  secret      given: frontends with the same one open each other's cookies and pins\n" in text


def test_a_table_of_this_limpet_alone_ends_with_it(checked):
    text = checked({"table": "local"}, pins={"most": 1000}).stdout.decode()
    assert "  remembers   table: local, for 1h after the last visit; this limpet knows it\n" in text
    assert """
  pins        1000 are kept here at most, then in about 62 KiB of memory;
              they end with limpet (`pins: {file: PATH}` saves them)
""" in text


def test_without_a_table_nothing_is_told_of_pins(checked):
    assert "pins  " not in checked(None).stdout.decode()
    assert "pins  " not in checked({"cookie": "limpet"}).stdout.decode()


def test_a_file_of_pins_needs_its_folder(checked, folder):
    done = checked({"table": "local"}, pins={"file": str(folder / "none" / "pins")})
    assert done.returncode == 1 and f"there is no directory `{folder}/none`" in done.stderr.decode()
