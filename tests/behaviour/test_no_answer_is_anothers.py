"""10,000 requests over kept and pipelined connections, while servers lie and die: each answer is to its own request, and from
the server that the client belongs to. (200,000 of them are a trial.)"""

from support.integrity import Disaster, ask_many, judge


def test_ten_thousand_answers(http_proxy, keep):
    disaster = keep(Disaster(lies=2, every=1.5))
    proxy = http_proxy(disaster.servers, key="header:X-User", log={"access": "off"})
    disaster.begin()
    account = ask_many(proxy.address, 0, 10_000, 24)
    disaster.stop()
    judge(account, disaster)
