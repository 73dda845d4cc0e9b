"""SIGINT, SIGTERM and SIGHUP, from the first line of a command to its last.

1. `take_over` comes before everything else. Until something has to end in good order, a signal
   ends the process at once, with exit code 105: no exception travels through an import that is half
   done, and the init of a container gets them, too, to whom the kernel's defaults do not apply
   (pid_namespaces(7)).
2. Within `heard`, the first signal calls a function, which ends what is under way. The second
   raises KeyboardInterrupt, so that terminal and processes are cleaned up; a third, or LEAVE_S
   later, ends the process at once.
3. Twice the same within TWICE_S is one: timeout(1) signals its child, and then its child's group.
4. `fork` makes a process that begins anew.
5. Python goes on with a poll that a signal interrupted: `Wakeup` is a file that ends it.
"""

from __future__ import annotations

import contextlib
import os
import signal
from _thread import get_native_id
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from time import monotonic
from types import FrameType
from typing import ClassVar, NoReturn, TypeVar

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 105  # exits.INTERRUPTED: nothing of ours is imported here
LEAVE_S = 3.0  # for the clean-up after a second signal
TWICE_S = 0.1  # on a busy machine the two are not handled at once
LOOK_S = 0.05
_SHOW_CURSOR = b"\x1b[?25h"  # DECTCEM; a live view hides it

T = TypeVar("T")


class _State:
    """What this process has heard so far, and who is told."""

    owned = False  # handlers stay until the process ends
    count = 0
    last = (0, 0.0)  # number, time
    clean: Callable[[], object] | None = None  # gives the terminal back
    listeners: ClassVar[list[Callable[[], object]]] = []


def take_over() -> None:
    """Catch the signals for the rest of this process; nohup's SIGHUP stays ignored."""
    for number in SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _on_signal)
    _State.owned = True


def came() -> bool:
    """Tell whether a signal has come."""
    return _State.count > 0


@contextmanager
def heard(first: Callable[[], object]) -> Iterator[None]:
    """Let the first signal call `first`, at once if it came before; the second one interrupts.

    Of several contexts the innermost is called. Only the main thread gets signals: signal(7).
    """
    if get_native_id() != os.getpid():
        yield
        return
    before = {} if _State.owned else {each: signal.signal(each, _on_signal) for each in SIGNALS}
    _State.listeners.append(first)
    try:
        if _State.count:
            first()
        yield
    finally:
        _State.listeners.pop()
        for number, handler in before.items():
            signal.signal(number, handler)
        if not _State.owned and not _State.listeners:
            _State.count = 0


def held() -> AbstractContextManager[None]:
    """Let the first signal wait: what is under way takes little time, and `came` tells of it."""
    return heard(lambda: None)


def fork(*, receives_signals: bool = False) -> int:
    """Fork; the child, for which this returns 0, ignores signals: its parent decides.

    One that `receives_signals` has the defaults instead, until it installs its own. A signal in
    between must not run the parent's handlers in the child.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        pid = os.fork()
        if not pid:
            _begin_anew(signal.SIG_DFL if receives_signals else signal.SIG_IGN)
        return pid
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def beside(call: Callable[[], T], check: Callable[[], object] = lambda: None) -> T:
    """Return what a call returns that no signal interrupts, such as getaddrinfo(3); or raise it.

    It is made in a thread, so that signals are heard meanwhile; `check` may raise to give up on it.
    """
    from threading import Thread  # rarely needed

    returned: list[T] = []
    raised: list[BaseException] = []

    def make() -> None:
        try:
            returned.append(call())
        except BaseException as error:
            raised.append(error)

    thread = Thread(target=make, daemon=True)
    thread.start()
    thread.join(LOOK_S)
    while thread.is_alive():
        check()
        thread.join(LOOK_S)
    if raised:
        raise raised[0]
    return returned[0]


def leave_cleanly() -> NoReturn:
    """End what is under way by KeyboardInterrupt, and for sure."""
    if _State.owned:
        signal.signal(signal.SIGALRM, lambda number, frame: leave())
        signal.setitimer(signal.ITIMER_REAL, LEAVE_S)
    raise KeyboardInterrupt


def at_leave(clean: Callable[[], object] | None) -> None:
    """Let `clean` give the terminal back when a signal ends this process at once; None: nobody.

    It is called within a handler: it may write to a descriptor, and wait for nothing.
    """
    _State.clean = clean


def leave() -> NoReturn:
    """End this process now."""
    if _State.clean is not None:
        _State.clean()
    if _State.listeners and os.isatty(2):
        os.write(2, _SHOW_CURSOR)
    os._exit(INTERRUPTED)


def name_of(number: int) -> str:
    """Return the name of a signal; those of real time have none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class Wakeup:
    """A pipe that can be read once a signal has come to this thread; for the main one alone."""

    def __init__(self) -> None:
        self.fd, self._wake_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._before: int | None = None
        if get_native_id() == os.getpid():
            self._before = signal.set_wakeup_fd(self._wake_fd, warn_on_full_buffer=False)

    def drain(self) -> bytes:
        """Return the numbers of the signals that came since the last time."""
        with contextlib.suppress(BlockingIOError):
            return os.read(self.fd, 4096)
        return b""

    def close(self) -> None:
        """Give the pipe back; whoever was woken before is woken again."""
        if self._before is not None:
            signal.set_wakeup_fd(self._before)
        os.close(self.fd)
        os.close(self._wake_fd)


def _begin_anew(handler: signal.Handlers) -> None:
    for number in SIGNALS:
        signal.signal(number, handler)
    signal.set_wakeup_fd(-1)
    signal.setitimer(signal.ITIMER_REAL, 0)
    _State.owned, _State.count, _State.listeners = False, 0, []
    _State.clean = None


def _on_signal(number: int, frame: FrameType | None) -> None:
    now_s = monotonic()
    last, last_s = _State.last
    if _State.owned and _State.count and number == last and now_s - last_s < TWICE_S:
        return
    _State.last = (number, now_s)
    _State.count += 1
    if not _State.listeners or _State.count > 2:
        leave()
    elif _State.count == 2:
        leave_cleanly()
    else:
        _State.listeners[-1]()
