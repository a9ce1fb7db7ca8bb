"""What limpet itself answers has a Date (RFC 9110 section 6.6.1); what a server answered goes on as it came."""

import time
from datetime import timezone
from email.utils import format_datetime, parsedate_to_datetime

import pytest

from support import wire
from support.http_client import one_answer
from support.http_servers import HonestServer
from support.ports import free_port

ROUTES = [
    {"path": "/away", "redirect": {"to": "https://example.net/x"}},
    {"path": "/hello", "answer": {"body": "good day\n"}},
    {"path": "/nothing", "answer": 204},
    {"path": "/old", "answer": 410, "response-headers": {"set": {"Date": "Sun, 06 Nov 1994 08:49:37 GMT"}}},
    {"path": "/timeless", "answer": 410, "response-headers": {"remove": "Date"}},
    {"path": "/", "pool": "app"},
]


@pytest.fixture(scope="module")
def proxy(http_proxy, lasting):
    return http_proxy({"a": lasting(HonestServer("a")).address}, listener={"routes": ROUTES}, limits={"body": "1KiB"})


def assert_tells_now(answer, earliest):
    told = answer.get("date")
    moment = parsedate_to_datetime(told)
    assert format_datetime(moment.astimezone(timezone.utc), usegmt=True) == told
    assert earliest - 1 <= moment.timestamp() <= time.time()


@pytest.mark.parametrize(("request_", "status"), [
    (wire.request("/away"), 308),
    (wire.request("/hello"), 200),
    (wire.request("/nothing"), 204),
    (wire.request("*", method="OPTIONS", headers={"Max-Forwards": "0"}), 200),
    (wire.request("/x", method="CONNECT"), 400),
    (wire.request("/x", headers={"Host": "a b"}), 400),
    (wire.request("/x", method="PUT", headers={"Content-Length": "5000"}), 413),
])
def test_an_answer_of_limpet_says_when_it_was_made(proxy, request_, status):
    began = time.time()
    answer = one_answer(proxy, request_)
    assert answer.status == status
    assert_tells_now(answer, began)


def test_the_time_goes_on(proxy):
    began = time.time()
    first = one_answer(proxy, wire.request("/hello"))
    time.sleep(1.1)
    second = one_answer(proxy, wire.request("/hello"))
    assert_tells_now(first, began)
    assert_tells_now(second, began + 1)


def test_a_route_may_set_or_remove_it(proxy):
    assert one_answer(proxy, wire.request("/old")).get("date") == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert one_answer(proxy, wire.request("/timeless")).get("date") is None


def test_none_is_added_to_what_a_server_answered(proxy):
    answer = one_answer(proxy, wire.request("/"))
    assert (answer.status, answer.get("date")) == (200, None)


def test_a_server_that_cannot_be_reached_is_told_of_with_the_time(http_proxy):
    began = time.time()
    answer = one_answer(http_proxy({"a": f"127.0.0.1:{free_port()}"}), wire.request())
    assert answer.status == 503
    assert_tells_now(answer, began)


def test_a_connection_that_is_refused_is_told_the_time(limpet):
    began = time.time()
    proxy = limpet({"a": f"127.0.0.1:{free_port()}"}, key="header:X-User")
    answer = one_answer(proxy, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    assert answer.status == 400
    assert_tells_now(answer, began)


def test_the_admin_socket_and_the_metrics_tell_the_time(limpet, socket_folder):
    began = time.time()
    addresses = {"admin": f"unix:{socket_folder}/admin", "metrics": f"127.0.0.1:{free_port()}"}
    limpet({"a": f"127.0.0.1:{free_port()}"}, **addresses)
    assert_tells_now(one_answer(addresses["metrics"], wire.request("/metrics")), began)
    assert_tells_now(one_answer(addresses["admin"], wire.request("/v1/status")), began)
