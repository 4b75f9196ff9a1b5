"""Code that ends the process is an error."""

from __future__ import annotations

import os
import threading

import pytest

from tfx_estimators.components.exits import exits_raise
from tfx_estimators.components.user_module import no_exit
from tfx_estimators.errors import UserModuleError


def test_os_exit_is_an_error_of_the_module_as_sys_exit_is() -> None:
    before = os._exit
    with pytest.raises(UserModuleError, match=r"sys\.exit\(0\)"), no_exit():
        os._exit(0)
    assert os._exit is before


def test_children_that_are_forked_end_as_they_like() -> None:
    with exits_raise():
        child = os.fork()
        if not child:
            os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_a_thread_that_watches_over_the_process_may_end_it() -> None:
    child = os.fork()
    if not child:
        with exits_raise():
            thread = threading.Thread(target=lambda: os._exit(7))
            thread.start()
            thread.join()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
