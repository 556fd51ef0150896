"""Has a command of ours run by a fork, and waits for its end; what is no such command is done by a fresh interpreter.

Called as python is, by `forking_python.sh` (see `forking.py`). It imports as little as it can: it is there to be quick.
"""

import _socket
import json
import os
import sys


def answer(words: list[str]) -> bytes:
    """The exit code of the command as digits; anything else if it is to be run otherwise."""
    plain = [word for word in words[:1] if word != "-P"] + words[1:]
    if plain[:1] != ["-m"] or any(name.startswith("PYTHON") for name in os.environ if name != "PYTHONPATH"):
        return b""
    umask = os.umask(0o77)
    os.umask(umask)
    request = {"module": plain[1], "arguments": plain[2:], "cwd": os.getcwd(), "env": dict(os.environ), "umask": umask}  # noqa: PTH109
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    connection.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDBUF, 512 * 1024)
    descriptors = b"".join(number.to_bytes(4, sys.byteorder) for number in range(3))
    try:
        connection.connect("\0" + os.environ["TESTS_FORKING"])
        connection.sendmsg([json.dumps(request).encode()], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptors)])
        return connection.recv(32)
    except OSError:  # another network namespace, or the tests have ended
        return b""


def main(words: list[str]) -> None:
    """Be the command, as far as the caller sees."""
    told = answer(words)
    if not told.lstrip(b"-").isdigit():
        os.execv(os.environ["TESTS_PYTHON"], [os.environ["TESTS_PYTHON"], *words])  # noqa: S606
    if int(told) < 0:
        os.kill(os.getpid(), -int(told))
    os._exit(int(told))


main(sys.argv[1:])
