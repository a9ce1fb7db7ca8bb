"""curl as people type it, through `mode: http` to Node, nginx and Python: every method, every form of body."""

import hashlib
import re

import pytest

from support.peers import content, curl, curl_facts, digest

BIG = hashlib.shake_256(b"big").digest(8 << 20)
TEXT = "field=value&other=%20"
PEERS = ("node", "nginx", "python")


@pytest.fixture
def proxied(limpet, peers):
    """The URL of one of them behind limpet, without the path."""
    return lambda name: f"http://{limpet([peers(name)], listener={'mode': 'http', 'trust': 'loopback'}).address}"


@pytest.fixture
def files(folder):
    (folder / "text").write_text(TEXT)
    (folder / "big").write_bytes(BIG)
    return folder


def to_nowhere(urls):
    """Each with an output of its own, or curl prints all but the first."""
    return [word for url in urls for word in ("-o", "/dev/null", url)]


# What is typed, the method that arrives, and the body that arrives.
FORMS = {
    "get": ([], "GET", b""),
    "get-with-a-body": (["-X", "GET", "-d", TEXT], "GET", TEXT.encode()),
    "post-of-a-text": (["-d", TEXT], "POST", TEXT.encode()),
    "post-of-a-file": (["--data-binary", "@{files}/big"], "POST", BIG),
    "post-of-nothing": (["-X", "POST"], "POST", b""),
    "post-of-no-bytes": (["-d", ""], "POST", b""),
    "post-in-chunks": (["-H", "Transfer-Encoding: chunked", "-d", TEXT], "POST", TEXT.encode()),
    "put-of-a-file": (["-T", "{files}/big"], "PUT", BIG),
    "put-of-what-comes": (["-T", "-"], "PUT", BIG),
    "put-of-an-empty-stream": (["-T", "/dev/null"], "PUT", b""),
    "delete": (["-X", "DELETE"], "DELETE", b""),
    "delete-with-a-body": (["-X", "DELETE", "-d", TEXT], "DELETE", TEXT.encode()),
    "options": (["-X", "OPTIONS"], "OPTIONS", b""),
    "patch": (["-X", "PATCH", "-d", TEXT], "PATCH", TEXT.encode()),
    "http1.0-get": (["--http1.0"], "GET", b""),
    "http1.0-post": (["--http1.0", "--data-binary", "@{files}/big"], "POST", BIG),
    "expects-100": (["--expect100-timeout", "20", "-H", "Expect: 100-continue", "--data-binary", "@{files}/big"], "POST", BIG),
    "expects-100-in-chunks": (["--expect100-timeout", "20", "-H", "Expect: 100-continue", "-T", "-"], "PUT", BIG),
}


@pytest.mark.parametrize("peer", PEERS)
def test_every_method_and_form_of_body_arrives(proxied, files, peer):
    url = proxied(peer)
    for form, (words, method, body) in FORMS.items():
        facts = curl_facts(*[word.format(files=files) for word in words], f"{url}/facts?{form}", stdin=BIG)
        arrived = (facts["method"], facts["length"], facts["digest"])
        assert arrived == (method, len(body), digest(body)), form


@pytest.mark.parametrize("peer", PEERS)
def test_a_form_with_a_file_arrives_as_it_does_without_limpet(proxied, peers, files, peer):
    words = ["-F", "name=limpet", "-F", f"file=@{files}/big;type=image/png"]
    through, direct = (curl_facts(*words, f"{url}/facts") for url in (proxied(peer), f"http://{peers(peer).address}"))
    assert through["length"] == direct["length"] > len(BIG)
    assert through["headers"]["content-type"].startswith("multipart/form-data; boundary=")


@pytest.mark.parametrize("peer", [*PEERS, "old-python"])
def test_answers_of_every_size_arrive(proxied, peer):
    url = proxied(peer)
    for count in (1, 100, 65536, 1000000):
        for version in ("--http1.1", "--http1.0"):
            assert curl(version, f"{url}/bytes/{count}") == content(count), (count, version)


@pytest.mark.parametrize("peer", [*PEERS, "old-python"])
def test_the_answer_to_head_has_fields_and_no_body(proxied, peer):
    url = proxied(peer)
    said = curl("-I", "-w", "%{http_code}", f"{url}/bytes/5000", "-I", f"{url}/facts").decode().lower()
    assert said.count("200 ok") == 2 and said.endswith("200")
    assert "content-length: 5000" in said or peer == "old-python"


@pytest.mark.parametrize("peer", ["node", "nginx"])
def test_answers_in_chunks_arrive_with_their_trailers(proxied, peer):
    """nginx drops what Node puts behind the last chunk. limpet makes chunks of its own."""
    url = proxied(peer)
    raw = curl("--raw", "-H", "TE: trailers", f"{url}/chunks/200000")
    assert (f"\r\n0\r\nX-Digest: {digest(content(200000))}\r\n\r\n".encode() in raw) == (peer == "node")
    assert curl(f"{url}/chunks/200000") == content(200000)


def test_a_client_of_http_1_0_gets_no_chunks(proxied):
    url = proxied("node")
    assert curl("--http1.0", f"{url}/chunks/200000") == content(200000)
    assert curl("--http1.0", "--raw", f"{url}/chunks/200000") == content(200000)
    assert b"transfer-encoding" not in curl("--http1.0", "-i", f"{url}/chunks/10").lower()


def test_ranges_and_conditions_pass(proxied):
    url = proxied("nginx")
    assert curl("-r", "100-199", f"{url}/file") == content(300000)[100:200]
    assert curl("-r", "-5", f"{url}/file") == content(300000)[-5:]
    head = curl("-I", "-r", "999999-", f"{url}/file").decode()
    assert " 416 " in head
    tag = re.search(r"ETag: (\S+)", curl("-I", f"{url}/file").decode())[1]
    answer = curl("-i", "-H", f"If-None-Match: {tag}", f"{url}/file", f"{url}/file")
    assert b" 304 " in answer and answer.count(b"HTTP/1.1") == 2


@pytest.mark.parametrize("ranges", ["-9223372036854775608,-9223372036854775000", "0-18446744073709551616",
                                    ",".join(f"{at}-{at}" for at in range(0, 1000, 2))], ids=["negative", "long", "many"])
def test_ranges_that_overflow_or_have_no_end_of_them_harm_nobody(proxied, ranges):
    """CVE-2017-7529: the server may refuse them or send the whole file."""
    url = proxied("nginx")
    status = curl("-H", f"Range: bytes={ranges}", "-o", "/dev/null", "-w", "%{http_code}", f"{url}/file")
    assert status in (b"200", b"206", b"416")
    assert curl(f"{url}/file") == content(300000)


def test_what_is_compressed_stays_so(proxied):
    url = proxied("node")
    assert curl("--compressed", f"{url}/gzip") == b"a compressed text " * 1000
    assert curl(f"{url}/gzip")[:2] == b"\x1f\x8b"


@pytest.mark.parametrize("target", ["/facts/../x/./y", "/facts//double", "/facts/%2e%2e/%2F", "/facts?q=/../&r=a%20b",
                                    "/facts/;a=b,c'(d)*!@:", "/facts?"])
def test_a_path_arrives_as_it_is(proxied, target):
    assert curl_facts("--path-as-is", proxied("node") + target)["target"] == target


def test_a_request_for_the_whole_server_arrives(proxied):
    assert curl("-X", "OPTIONS", "--request-target", "*", proxied("node")) == b"node\n"


@pytest.mark.parametrize("peer", PEERS)
def test_several_urls_use_one_connection(proxied, peer):
    url = proxied(peer)
    said = curl("-w", "%{http_code} %{num_connects}\n", *to_nowhere(f"{url}/bytes/{count}" for count in range(1, 9)))
    assert said.decode().splitlines() == ["200 1", *["200 0"] * 7]


def test_statuses_without_a_body_leave_the_connection_in_step(proxied):
    url = proxied("node")
    urls = [*(f"{url}/status/{status}" for status in (204, 304, 205, 404, 500)), f"{url}/hints"]
    said = curl("-w", "%{http_code} %{num_connects}\n", *to_nowhere(urls))
    assert said.decode().splitlines() == ["204 1", "304 0", "205 0", "404 0", "500 0", "200 0"]


def test_early_hints_reach_the_client(proxied):
    said = curl("-i", proxied("node") + "/hints").decode()
    assert re.match(r"HTTP/1.1 103 .*\r\nlink: </style.css>", said, re.I), said
    assert said.endswith("\r\n\r\nnode\n")


@pytest.mark.parametrize("expects", [["-H", "Expect: 100-continue", "--expect100-timeout", "20"], ["-H", "Expect:"]])
def test_a_server_that_refuses_an_upload_is_heard(proxied, files, expects):
    said = curl(*expects, "-w", "%{http_code} %{size_upload}", "--data-binary", f"@{files}/big", proxied("node") + "/refuse")
    body, _, sent = said.decode().rpartition("\n")
    assert body == "too much" and sent.startswith("413 ")
    assert sent == "413 0" or expects[1] == "Expect:"


def test_many_at_once(proxied):
    url = proxied("node")
    said = curl("--parallel", "--parallel-max", 40, *[f"{url}/bytes/{1000 + number}" for number in range(100)])
    assert len(said) == sum(1000 + number for number in range(100))
