"""Started by root, limpet faces the network as somebody else from the first connection on: a memcached that this user cannot reach
is one that cannot be reached, and not one that is lost when it is started again."""

import os

import pytest

from support.client import ask
from support.memcached import FakeMemcached
from support.proc import wait_until


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("mode, reached", [(0o600, False), (0o666, True)])
def test_a_socket_that_is_for_root_alone_is_not_reached(frontend, server, keep, socket_folder, mode, reached):
    path = socket_folder / "memcached"
    memcached = keep(FakeMemcached(address=f"unix:{path}"))
    path.chmod(mode)
    proxy = frontend([server("a")], [memcached])
    assert ask(proxy, "/", {"X-User": "ann", "Connection": "close"}).status == 200
    if reached:
        assert wait_until(lambda: memcached.values, 5)
    else:
        assert wait_until(lambda: "Permission denied" in proxy.stderr, 5) and memcached.connections == 0
