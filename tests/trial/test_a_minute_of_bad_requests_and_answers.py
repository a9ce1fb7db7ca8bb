"""As test_good_requests_are_served_amid_bad_ones.py, for a minute."""

from behaviour.test_good_requests_are_served_amid_bad_ones import try_for


def test_for_a_minute(http_proxy, keep):
    try_for(60, http_proxy, keep)
