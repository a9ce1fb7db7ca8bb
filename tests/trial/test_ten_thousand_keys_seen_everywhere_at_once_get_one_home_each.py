"""As in the behaviour test, ten thousand times."""

import pytest

from behaviour.test_a_new_key_seen_everywhere_at_once_gets_one_home import try_with


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_ten_thousand_keys(folder, keep, mode):
    try_with(folder, keep, mode, 10_000)
