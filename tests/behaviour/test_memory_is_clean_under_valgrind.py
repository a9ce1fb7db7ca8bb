import re
import shutil

import pytest

from support import wire
from support.client import Client, ask
from support.servers import RefusingAddress, answers_http


@pytest.mark.plain
@pytest.mark.skipif(not shutil.which("valgrind"), reason="valgrind is not installed")
def test_memory_is_clean_under_valgrind(limpet, server, folder, keep):
    logs = folder / "valgrind"
    logs.mkdir()
    logs.chmod(0o777)
    valgrind = ["valgrind", "-q", "--vgdb=no", "--trace-children=yes", "--leak-check=full",
                "--show-leak-kinds=definite,indirect", "--errors-for-leak-kinds=definite,indirect",
                f"--log-file={logs}/%p"]
    proxy = limpet([server("a", answers_http), keep(RefusingAddress("b"))], key=["sni", "header:X-User", "client"],
                   listener={"proxy-protocol": "accept"}, threads=2, timeouts={"first-bytes": "1s"}, wrapper=valgrind)
    for number in range(12):
        ask(proxy, headers={"X-User": f"user{number}"}, method="POST", body=b"x" * 70000)
        ask(proxy, in_front=wire.proxy_v2("2001:db8::9"))
        with Client(proxy) as client:
            client.send(wire.client_hello("example.org")).finish()
            client.read_to_end()
        with Client(proxy) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
            client.read_to_end()
        Client(proxy).send(b"GET /").reset()
    proxy.stop(60)
    complaints = "".join(log.read_text() for log in logs.iterdir())
    assert not re.sub(r"(?m)^==\d+==\s*$", "", complaints).strip(), complaints
