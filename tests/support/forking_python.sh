#!/bin/sh
# Called as python is; see `forking.py`.
exec "$TESTS_PYTHON" -I -S "${0%/*}/forking_client.py" "$@"
