"""Where the model says that home is, for texts and addresses as a test writes them."""

import ipaddress

from model import ranking as model


def _address_bytes(text):
    address = ipaddress.ip_address(text)
    return address.packed if address.version == 6 else bytes(10) + b"\xff\xff" + address.packed


class Ranking:
    """`weights`: {server name: weight}."""

    def __init__(self, seed, pool, weights):
        servers = [(name.encode(), weight) for name, weight in weights.items()]
        self.model = model.Ranking(seed.encode(), pool.encode(), servers)

    def _order(self, tag, key):
        return [name.decode() for name, _ in self.model.order(self.model.key_hash(tag, key))]

    def order_of_text(self, text):
        """All names, best first."""
        return self._order(model.TAG_TEXT, text.encode())

    def order_of_address(self, text):
        return self._order(model.TAG_ADDRESS, _address_bytes(text))

    def home_of_text(self, text):
        return self.order_of_text(text)[0]

    def home_of_address(self, text):
        return self.order_of_address(text)[0]

    def hash_in_log(self, text):
        return f"{self.model.log_hash(model.TAG_TEXT, text.encode()):08x}"


def ranking_of_workers(count, seed="tests"):
    """Of a pool `app` that has nothing but so many workers."""
    return Ranking(seed, "app", {str(slot): 1 for slot in range(1, count + 1)})
