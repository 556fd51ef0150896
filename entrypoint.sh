#!/bin/sh
# Copy missing default configs, generate unset secrets, and exec the appliance.
exec "$(dirname "$(readlink -f "$0")")/services/bin/entrypoint" "$@"
