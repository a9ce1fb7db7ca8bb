import pytest

from support.client import ask


@pytest.mark.parametrize("name, value", [("X-Forwarded-For", "203.0.113.9"), ("Forwarded", "for=203.0.113.9")])
def test_a_proxy_that_is_not_trusted_is_named_with_the_flag_to_add(limpet, server, name, value):
    """All clients behind it have one key, and nobody would know why."""
    proxy = limpet([server(name) for name in "ab"], key="client", listener={"trust": ["192.0.2.0/24"]})
    for _ in range(300):
        ask(proxy, headers={name: value})
    assert proxy.says("--trust 127.0.0.1")
    assert f"the {name} that it sends is not believed" in proxy.stderr
    assert ("`client-from: forwarded`" in proxy.stderr) == (name == "Forwarded")
    assert "warning" in proxy.stderr
    assert proxy.stderr.count("--trust") <= 3


def test_clients_of_many_addresses_cause_no_warning(limpet, server):
    proxy = limpet([server(name) for name in "ab"], key="client", listener={"trust": ["192.0.2.0/24"]})
    for number in range(300):
        ask(proxy, headers={"X-Forwarded-For": "203.0.113.9"}, source=f"127.3.{number // 250}.{number % 250 + 1}")
    assert "--trust" not in proxy.stderr


def test_a_trusted_proxy_that_sends_the_field_that_does_not_count_is_told_of(limpet, server):
    proxy = limpet([server(name) for name in "ab"], key="client")
    for number in range(300):
        ask(proxy, headers={"Forwarded": f"for=203.0.113.{number % 200}"})
    assert proxy.says("the Forwarded that it sends is not the field that counts")
    assert "`client-from: forwarded`" in proxy.stderr
    assert "--trust" not in proxy.stderr


def test_a_trusted_proxy_causes_no_warning(limpet, server):
    proxy = limpet([server(name) for name in "ab"], key="client")
    for number in range(300):
        ask(proxy, headers={"X-Forwarded-For": f"203.0.113.{number % 200}"})
    assert "share one home" not in proxy.stderr
