"""The trials ask for the same things as the behaviour tests."""

from behaviour.conftest import folder, frontend, http_proxy, keep, lasting, limpet, server, socket_folder, start, workers  # noqa: F401
