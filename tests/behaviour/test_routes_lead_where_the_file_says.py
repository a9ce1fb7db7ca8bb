"""Where each request is decided, the first route that matches says which pool it goes to, or what it is answered, and which
fields are changed on the way."""

import time

import pytest

from support import wire
from support.http_client import HttpClient, one_answer
from support.http_servers import HonestServer

ROUTES = [
    {"host": ["a.example.org", "*.wild.example.org"], "pool": "hosts"},
    {"path": "/api/", "method": ["PUT", "POST"], "pool": "methods"},
    {"path": "/api/", "header": ["X-User", "X-Team"], "pool": "headers"},
    {"path": "/https", "redirect": "https"},
    {"path": "/away", "redirect": {"to": "https://example.net", "status": 302}},
    {"path": "/there", "redirect": {"to": "https://example.net/x?y=z", "status": 303}},
    {"path": "/gone", "answer": 410},
    {"path": "/hello", "answer": {"body": "good day\n", "type": "text/x-greeting"},
     "response-headers": {"set": {"X-Frame-Options": "DENY"}}},
    {"path": "/page", "answer": {"status": 503, "body": "file:page.html", "type": "text/html"}},
    {"path": "/changed", "pool": "rest",
     "request-headers": {"remove": ["X-Secret"], "set": {"X-Who": "limpet", "Host": "inside"}, "add": {"X-More": ["2", "3"]}},
     "response-headers": {"set": {"X-Frame-Options": "DENY"}, "remove": ["Content-Type"], "add": {"Vary": "Origin"}}},
    {"host": "rest.example.org", "pool": "rest"},
]
POOLS = ["hosts", "methods", "headers", "rest"]


@pytest.fixture(scope="module")
def homes(lasting):
    return {name: lasting(HonestServer(name)) for name in POOLS}


@pytest.fixture(scope="module")
def proxy(http_proxy, homes, tmp_path_factory):
    page = tmp_path_factory.mktemp("page") / "page.html"
    page.write_text("<p>Sorry\n")
    routes = [{**route, "answer": {**route["answer"], "body": f"file:{page}"}} if route.get("path") == "/page" else route
              for route in ROUTES]
    pools = {name: {"servers": {name: home.address}} for name, home in homes.items()}
    return http_proxy({}, listener={"routes": routes}, pools=pools)


def who(proxy, path, **more):
    return one_answer(proxy, wire.request(path, **more), more.get("method")).json()["name"]


@pytest.mark.parametrize(("host", "path", "method", "headers", "pool"), [
    ("a.example.org", "/", "GET", {}, "hosts"),
    ("A.EXAMPLE.org:8080", "/api/x", "POST", {}, "hosts"),
    ("deep.in.wild.example.org", "/", "GET", {}, "hosts"),
    ("other.example.org", "/api/", "POST", {}, "methods"),
    ("rest.example.org", "/api/", "GET", {"X-Team": "", "x-user": "ann"}, "headers"),
    ("rest.example.org", "/api/", "GET", {"X-User": "ann"}, "rest"),
    ("rest.example.org", "/API/", "POST", {}, "rest"),
    ("rest.example.org", "/?/api/", "POST", {}, "rest"),
])
def test_the_first_route_that_matches_counts(proxy, host, path, method, headers, pool):
    assert who(proxy, path, host=host, method=method, headers=headers) == pool


@pytest.mark.parametrize("path", ["//api/", "/./api/", "/x/../api/", "/%61pi/", "/api%2fx", "/api;/", "/apI/", "/api/../rest"])
def test_what_decides_is_what_is_sent(proxy, path):
    """CVE-2019-9901: nothing is decoded or simplified, neither for the decision nor for the server."""
    told = one_answer(proxy, wire.request(path, host="rest.example.org", method="PUT")).json()
    assert (told["name"], told["target"]) == ("methods" if path.startswith("/api/") else "rest", path)


@pytest.mark.parametrize(("host", "path"), [("wild.example.org", "/"), ("b.example.org", "/x/api/"), ("example.org", "/api")])
def test_what_no_route_takes_is_not_found(proxy, host, path):
    assert one_answer(proxy, wire.request(path, host=host)).status == 404


def test_requests_of_one_connection_go_different_ways(proxy):
    requests = [wire.request("/", host="a.example.org"), wire.request("/gone"),
                wire.request("/", host="rest.example.org"), wire.request("/api/", method="PUT")]
    with HttpClient(proxy) as client:
        client.send(b"".join(requests))
        answers = [client.answer() for _ in requests]
    assert [answer.status for answer in answers] == [200, 410, 200, 200]
    assert [answers[n].json()["name"] for n in (0, 2, 3)] == ["hosts", "rest", "methods"]


@pytest.mark.parametrize(("path", "status", "location"), [
    ("/https?q=1", 308, "https://example.org/https?q=1"),
    ("/away/far?q=1", 302, "https://example.net/away/far?q=1"),
    ("/there?q=1", 303, "https://example.net/x?y=z"),
])
def test_a_route_redirects(proxy, path, status, location):
    answer = one_answer(proxy, wire.request(path, host="example.org:80"))
    assert (answer.status, answer.get("location")) == (status, location)


def test_what_came_with_https_is_not_sent_there_again(http_proxy, homes):
    """A proxy in front that ends TLS would bring it back for ever."""
    servers = {"rest": homes["rest"].address}
    behind = http_proxy({}, listener={"trust": "loopback", "routes": [{"redirect": "https"}, {"pool": "rest"}]},
                        pools={"rest": {"servers": servers}})
    for proto, status in (("http", 308), ("https", 200)):
        assert one_answer(behind, wire.request("/x", {"X-Forwarded-Proto": proto})).status == status


@pytest.mark.parametrize("pieces", [[b""], [b"GE"], [b"\r\n"], [b"\r\n\r\n"], [b" "], [b"\n"]])
def test_nobody_gets_past_routes_in_mode_auto(http_proxy, homes, pieces):
    """By saying too little in time, or with what lenient servers read over."""
    servers = {"rest": homes["rest"].address}
    proxy = http_proxy({}, timeouts={"first-bytes": "200ms"}, pools={"rest": {"servers": servers}},
                       listener={"mode": "auto", "routes": [{"path": "/inside", "answer": 403}, {"pool": "rest"}]})
    begin, request = pieces[0], wire.request("/inside")
    for rest in (request, request[len(begin):]):
        with HttpClient(proxy) as client:
            client.send(begin)
            time.sleep(0.5)
            client.send(rest)
            assert client.answer().status in (400, 403)


def test_a_route_answers_by_itself(proxy):
    hello = one_answer(proxy, wire.request("/hello"))
    assert (hello.status, hello.body, hello.get("content-type")) == (200, b"good day\n", "text/x-greeting")
    assert hello.get("x-frame-options") == "DENY"
    page = one_answer(proxy, wire.request("/page"))
    assert (page.status, page.body, page.get("content-type")) == (503, b"<p>Sorry\n", "text/html")
    head = one_answer(proxy, wire.request("/hello", method="HEAD"), "HEAD")
    assert (head.status, head.body, head.get("content-length")) == (200, b"", "9")


def test_fields_are_changed_on_the_way(proxy, homes):
    answer = one_answer(proxy, wire.request("/changed", {"X-Secret": "s", "x-who": "me", "X-More": "1"}))
    told = [(name.lower(), value) for name, value in answer.json()["fields"]]
    values = {name: [value for found, value in told if found == name] for name, _ in told}
    assert values["host"] == ["inside"]
    assert values["x-who"] == ["limpet"] and values["x-more"] == ["1", "2", "3"]
    assert "x-secret" not in values
    assert (answer.get("x-frame-options"), answer.get("content-type"), answer.get("vary")) == ("DENY", None, "Origin")
    assert not homes["rest"].new_complaints()
