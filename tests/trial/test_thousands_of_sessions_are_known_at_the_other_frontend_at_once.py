"""As in the behaviour test, with a memcached of four threads, which may answer one frontend before it has heard the other."""

import pytest

from behaviour.test_sessions_are_known_at_the_other_frontend_at_once import WHERE, try_with


@pytest.mark.timeout(600)
@pytest.mark.parametrize("where", WHERE)
def test_sessions(folder, keep, where):
    try_with(folder, keep, where, 5000, threads=4)
