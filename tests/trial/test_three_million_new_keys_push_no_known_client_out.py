"""As in the behaviour test, with a table of a million pins."""

import os

import pytest

from behaviour.test_ever_new_keys_push_no_known_client_out import try_with


@pytest.mark.timeout(3600)
def test_a_flood(folder, keep):
    try_with(folder, keep, most=int(os.environ.get("PINS_MOST", 1_000_000)), clients=500, per_second=50)
