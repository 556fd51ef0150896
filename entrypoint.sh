#!/bin/sh
# Prepare (default configs that are missing, secrets that are unset) and become the appliance.
exec "$(dirname "$(readlink -f "$0")")/services/bin/entrypoint" "$@"
