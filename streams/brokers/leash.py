"""Starts a program that ends with its parent, however the parent ends: `python leash.py PARENT SIGNAL COMMAND ...`.

The kernel sends SIGNAL when the parent dies, to be exact: when the thread that started us ends, so start from one that
lives as long as the program (Linux's PR_SET_PDEATHSIG; it survives exec). Run as a file of its own, so
that it costs a bare interpreter's start and no `preexec_fn`, which is unsafe beside threads.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, signal, *command = sys.argv[1:]
    if ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal)) != 0:
        sys.exit("leash: prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != int(parent):  # it died before the kernel knew
        sys.exit("leash: the parent is gone")
    os.execvp(command[0], command)  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    main()
