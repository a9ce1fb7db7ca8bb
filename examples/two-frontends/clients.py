"""Clients from afar, as nginx sees them: each has an address of its own, of which loopback has many."""

import http.client
import random
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor

from programs import Trouble

AT_ONCE = 8  # requests under way


def addresses(network, count):
    return [f"127.{network}.{number // 250}.{number % 250 + 1}" for number in range(count)]


def ask(port, source="127.0.0.1", headers=None):
    """The name of the server that answered, and the limpets that nginx asked for it."""
    talk = http.client.HTTPConnection("127.0.0.1", port, timeout=10, source_address=(source, 0))
    try:
        talk.request("GET", "/", headers=headers or {})
        answer = talk.getresponse()
        name = answer.read().decode(errors="replace")
    finally:
        talk.close()
    if answer.status != 200:
        raise http.client.HTTPException(f"status {answer.status}")
    return name, answer.getheader("X-Limpet", "").split(", ")


class Clients:
    """Where each of them was, and what went wrong."""

    def __init__(self, port):
        self.port = port
        self.homes = {}                  # where each was first
        self.moved = {}                  # who was elsewhere later, and where
        self.met = defaultdict(Counter)  # how often each was answered by which limpet
        self.passed_on = 0               # requests that one limpet did not answer, but the other one
        self.failures = []
        self.lock = threading.Lock()

    def visit(self, client):
        try:
            server, limpets = ask(self.port, client)
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(f"{client}: {error!r}")
            return
        with self.lock:
            self.met[client][limpets[-1]] += 1
            self.passed_on += len(limpets) > 1
            if self.homes.setdefault(client, server) != server:
                self.moved[client] = server

    def visit_all(self, clients):
        """Once each, in any order."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self.visit, random.sample(clients, len(clients))))

    def meet_both(self, clients):
        """Until each was answered by either limpet; nginx asks them in turn."""
        for _ in range(50):
            clients = [client for client in clients if len(self.met[client]) < 2]
            self.visit_all(clients)

    def shares(self, clients, at_first=False):
        """How many of these each server has."""
        homes = self.homes if at_first else {**self.homes, **self.moved}
        return Counter(homes[client] for client in clients if client in homes)

    def answered(self):
        """How many requests each limpet answered, by its address."""
        return sum(self.met.values(), Counter())


class Load:
    """As long as it lasts, these come again and again."""

    def __init__(self, clients, known):
        self.clients, self.known = clients, list(known)
        self.rounds, self.over = 0, False
        self.thread = threading.Thread(target=self.go_round)

    def go_round(self):
        while not self.over:
            self.clients.visit_all(list(self.known))
            self.rounds += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.over = True
        self.thread.join()

    def add(self, others):
        self.known.extend(others)

    def wait(self, rounds=2, seconds=0):
        """Until each has come so often from now on, and at least that long."""
        enough, until = self.rounds + 1 + rounds, time.monotonic() + seconds
        while self.rounds < enough or time.monotonic() < until:
            if not self.thread.is_alive():
                raise Trouble("the clients have stopped coming")
            time.sleep(0.02)
