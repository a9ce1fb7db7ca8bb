"""A pin that is used never runs out, and must outlive the secret that it was sealed with: whoever reads it under an older one
seals it anew, so that the older one can be retired."""

import pytest

from support.client import ask
from support.memcached import Memcached
from support.proc import wait_until
from support.ranking import Ranking

NEW = "11" * 32 + "\n"


@pytest.fixture
def memcached():
    one = Memcached()
    yield one
    one.stop()


def _homes(proxy, users):
    return {user: ask(proxy, "/", {"X-User": user, "Connection": "close"}).text.split()[0] for user in users}


def _users_of(name, names):
    """Those who live elsewhere without the server of this name."""
    ranking = Ranking("tests", "app", dict.fromkeys(names, 1))
    return [user for user in map("user-{}".format, range(120)) if ranking.home_of_text(user) == name]


def test_pins_that_were_read_under_the_new_secret_outlive_the_old_one(frontend, server, memcached, folder):
    servers, users = [server(name) for name in "abcd"], _users_of("d", "abcd")
    secret = folder / "secret"
    homes = _homes(frontend(servers[:3], [memcached]), users)
    sealed = {key: memcached.value(key) for key in memcached.pins}
    secret.write_text(NEW + secret.read_text())
    assert _homes(frontend(servers, [memcached]), users) == homes
    assert wait_until(lambda: all(memcached.value(key) != value for key, value in sealed.items()), 5)
    secret.write_text(NEW)
    assert _homes(frontend(servers, [memcached]), users) == homes
