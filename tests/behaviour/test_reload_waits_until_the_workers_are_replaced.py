"""`limpet reload` begins a rolling restart, and with --wait ends when it is over."""

import pytest

from support.admin import answer, status
from support.limpet import run


@pytest.fixture
def reload(stand_in):
    def start(*words, looks=(), refusal=None):
        looks = list(looks)

        def answers(method, target):
            if (method, target) == ("POST", "/v1/reload"):
                return refusal or answer(202, {"reloading": True})
            return answer(body=status(reloading=looks.pop(0) if len(looks) > 1 else looks[0]))
        done = run("reload", "--admin", stand_in(answers).path, *words)
        return done.returncode, done.stdout.decode(), done.stderr.decode()
    return start


def test_without_wait_it_has_only_begun(reload):
    assert reload() == (0, "the workers are being replaced, one after the other\n", "")


def test_with_wait_it_is_over(reload):
    assert reload("--wait", looks=[True, True, False]) == (0, "all workers are replaced\n", "")


def test_a_wait_may_run_out(reload):
    assert reload("--wait", "--timeout=300ms", looks=[True]) == (
        3, "", "limpet reload: the wait ran out: workers are still being replaced\n")


@pytest.mark.parametrize("status_code, why", [(409, "the workers are being replaced already"),
                                              (503, "this limpet has no workers to replace")])
def test_a_refusal_is_passed_on(reload, status_code, why):
    assert reload("--wait", refusal=answer(status_code, {"error": why})) == (1, "", f"limpet reload: {why}\n")
