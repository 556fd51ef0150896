#!/bin/sh
# Replace the running version by another one without losing a call, and go back if that one is not healthy.
#
#     deploy.sh v1.3.0         fetch a tag, a branch or a commit from REPOSITORY
#     deploy.sh /src/gecholog  or take a folder
#     deploy.sh --back         return to the version before
#
# ROOT/versions holds the versions, and the link ROOT/current names the one that runs. The service manager holds the
# listening sockets (examples/systemd), so clients that connect between two versions wait in the kernel's queue.
# docs/operations.md, "Upgrading", has the steps. Exit codes: 0 done, 1 refused and nothing changed, 2 rolled back,
# 3 rolled back and not healthy either.
set -eu
umask 022 # the user of the service reads what this script installs

ROOT=${ROOT:-/opt/gecholog}
REPOSITORY=${REPOSITORY:-}                                       # default: where the running version came from
HOME_FOLDER=${GECHOLOG_HOME:-/var/lib/gecholog}
RUN_AS=${RUN_AS:-gecholog}                                       # the user of the service, if this script runs as root
ENVIRONMENT=${ENVIRONMENT:-/etc/gecholog/gecholog.env}           # as EnvironmentFile= of the unit
BUILD=${BUILD:-make --quiet .venv/.runtime}                      # in the folder of the new version
RESTART=${RESTART:-systemctl restart gecholog.service}           # returns when the old version has ended
ALIVE=${ALIVE:-systemctl is-active --quiet gecholog.service}     # fails if the main process has ended
TRIAL=${TRIAL:-auto}                                             # no: without a start in a network of its own
HEALTH_SECONDS=${HEALTH_SECONDS:-60}                             # within which a version has to be healthy
BACK_SECONDS=${BACK_SECONDS:-180}                                # the same for the version before, after it was started again
STABLE_SECONDS=${STABLE_SECONDS:-3}                              # for which it has to stay so
KEEP=${KEEP:-3}                                                  # versions that are not removed

say() { echo "deploy: $*"; }
refuse() { echo "deploy: $*; nothing was changed" >&2; exit 1; }

as_user() {
    if [ "$(id -u)" = 0 ] && id "$RUN_AS" >/dev/null 2>&1; then runuser -u "$RUN_AS" -- "$@"; else "$@"; fi
}

# NAME=value lines without expansion, as systemd reads them
load_environment() {
    [ -e "$1" ] || return 0
    while IFS= read -r line || [ -n "$line" ]; do
        name=${line%%=*} value=${line#*=}
        case $name in '' | *[!A-Za-z0-9_]* | [0-9]*) continue ;; esac
        [ "$name" != "$line" ] || continue
        case $value in
            \"*\") value=${value#?} value=${value%?} ;;
            \'*\') value=${value#?} value=${value%?} ;;
        esac
        export "$name=$value"
    done <"$1"
}

# run in the environment of the service, with a home folder, the program of a version: in_version HOME VERSION PROGRAM …
in_version() (
    load_environment "$ENVIRONMENT"
    GECHOLOG_HOME=$1
    export GECHOLOG_HOME
    program=$2/services/bin/$3
    shift 3
    as_user "$program" "$@"
)

# the line with the config entries that are left out, if there is one
left_out() { in_version "$1" "$2" healthcheck 2>/dev/null | grep '^left out:' || true; }

# wait until the appliance in HOME is healthy and stays so: becomes_healthy HOME VERSION ALIVE [what is left out already]
becomes_healthy() {
    healthy=0 dead=0 left=$HEALTH_SECONDS
    while [ "$left" -gt 0 ]; do
        if in_version "$1" "$2" healthcheck >/dev/null 2>&1; then healthy=$((healthy + 1)); else healthy=0; fi
        if [ "$healthy" -gt "$STABLE_SECONDS" ]; then
            found=$(left_out "$1" "$2")
            [ -z "$found" ] || [ "$found" = "${4:-}" ] && return 0
            say "entries of the config are not in force: $found"
            return 1
        fi
        if sh -c "$3" 9>&-; then dead=0; else dead=$((dead + 1)); fi
        if [ "$dead" -ge 2 ]; then
            say "it has ended"
            return 1
        fi
        left=$((left - 1))
        sleep 1
    done
    say "it is not healthy: $(in_version "$1" "$2" healthcheck 2>&1 | head -n 1)"
    return 1
}

# set `version` to the folder of a version that is fetched and built; a branch that has moved is another version
fetch() {
    case $1 in '' | -*) refuse "'$1' is not a version" ;; esac
    mkdir -p "$ROOT/versions"
    fetched=$ROOT/versions/.fetching
    rm -rf "$fetched"
    say "fetching $1"
    if [ -d "$1" ]; then
        mkdir "$fetched"
        tar -C "$1" -cf "$fetched.tar" --exclude=./.git --exclude=./.venv --exclude=./app . &&
            tar -C "$fetched" -xf "$fetched.tar" && rm "$fetched.tar"
        name=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' "$1/gecholog/__init__.py")-$(date -u +%Y%m%dT%H%M%S)
    else
        [ -n "$REPOSITORY" ] || REPOSITORY=$(git -C "$ROOT/current" remote get-url origin) || refuse "REPOSITORY is not set"
        git clone --quiet --no-checkout "$REPOSITORY" "$fetched" && commit=$(commit_of "$1") &&
            git -C "$fetched" checkout --quiet --detach "$commit" &&
            name=$(echo "$1" | tr / -)-$(echo "$commit" | cut -c 1-12)
    fi || refuse "$1 cannot be fetched"
    version=$ROOT/versions/$name
    [ "$(readlink -f "$ROOT/current" || true)" != "$version" ] || refuse "$name is the version that runs"
    [ ! -e "$version/.built" ] || return 0
    rm -rf "$version"
    mv "$fetched" "$version"
    (cd "$version" && sh -c "$BUILD") || refuse "$name cannot be built"
    touch "$version/.built"
}

# the commit of a tag, of a branch of the repository, or of its name itself
commit_of() {
    for ref in "refs/tags/$1" "refs/remotes/origin/$1" "$1"; do
        git -C "$fetched" rev-parse --quiet --verify "$ref^{commit}" && return 0
    done
    return 1
}

# start the version beside the running one: in a network of its own, where all ports are free, and with a copy of the configs
try_start() {
    [ "$TRIAL" != no ] || return 0
    if [ "$(id -u)" = 0 ]; then isolated="unshare --net"; else isolated="unshare --map-root-user --net"; fi
    if ! $isolated ip link set lo up 2>/dev/null; then
        say "no trial start: this needs unshare, ip, and the right to make a network namespace"
        return 0
    fi
    pid=
    trial=$(as_user mktemp -d)
    trap end_trial EXIT
    trap 'exit 1' INT TERM HUP
    as_user cp -R "$HOME_FOLDER/conf" "$trial/conf"
    [ ! -d "$HOME_FOLDER/secrets" ] || as_user cp -R "$HOME_FOLDER/secrets" "$trial/secrets"
    as_user mkdir "$trial/data"
    [ ! -f "$HOME_FOLDER/data/secrets.json" ] || as_user cp "$HOME_FOLDER/data/secrets.json" "$trial/data/"
    say "trial start in $trial"
    # shellcheck disable=SC2016
    (
        load_environment "$ENVIRONMENT"
        export GECHOLOG_HOME="$trial"
        drop=
        if [ "$(id -u)" = 0 ] && id "$RUN_AS" >/dev/null 2>&1; then drop="setpriv --reuid=$RUN_AS --regid=$RUN_AS --init-groups"; fi
        exec $isolated sh -c 'ip link set lo up; exec "$@"' trial $drop "$version/entrypoint.sh"
    ) >"$ROOT/trial.log" 2>&1 9>&- &
    pid=$!
    ok=yes
    becomes_healthy "$trial" "$version" "kill -0 $pid 2>/dev/null" "$known" || ok=no
    end_trial
    trap - EXIT INT TERM HUP
    [ "$ok" = yes ] || refuse "the trial start of $(basename "$version") failed, see $ROOT/trial.log"
}

# whatever ends this script ends its trial, whose folder has the secrets
end_trial() {
    if [ -n "$pid" ]; then
        kill "$pid" 2>/dev/null || true
        wait "$pid" || true
        pid=
    fi
    rm -rf "$trial"
}

switch_to() {
    ln -sfn "$1" "$ROOT/current.new"
    mv -T "$ROOT/current.new" "$ROOT/current"
}

# replace the running version by VERSION; keep the configs as they were, because a start may update default ones
replace() {
    before=$(readlink -f "$ROOT/current")
    saved=$HOME_FOLDER/deploy/conf
    # as the owner of the home folder, who could lead root to other folders with a link
    as_user rm -rf "$saved"
    as_user mkdir -p -m 0700 "$HOME_FOLDER/deploy"
    as_user cp -a "$HOME_FOLDER/conf" "$saved"
    switch_to "$1"
    say "starting $(basename "$1")"
    if sh -c "$RESTART" 9>&- && becomes_healthy "$HOME_FOLDER" "$1" "$ALIVE" "$known"; then
        ln -sfn "$before" "$ROOT/previous"
        say "$(basename "$1") is healthy"
        return 0
    fi
    say "going back to $(basename "$before")"
    as_user cp -a "$saved/." "$HOME_FOLDER/conf/"
    switch_to "$before"
    sh -c "$RESTART" 9>&- || true
    HEALTH_SECONDS=$BACK_SECONDS # it was healthy: a slow machine is no reason to give it up
    becomes_healthy "$HOME_FOLDER" "$before" "$ALIVE" "$known" || exit 3
    say "rolled back, $(basename "$before") is healthy"
    exit 2
}

remove_old() {
    # shellcheck disable=SC2012
    ls -1dt "$ROOT/versions"/*/ | sed 's|/$||' | tail -n +"$((KEEP + 1))" | while IFS= read -r old; do
        case $old in "$(readlink -f "$ROOT/current")" | "$(readlink -f "$ROOT/previous" || true)") ;; *) rm -rf "$old" ;; esac
    done
}

[ $# = 1 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 1; }
mkdir -p "$ROOT"
ROOT=$(readlink -f "$ROOT")
exec 9>"$ROOT/deploy.lock"
flock -n 9 || refuse "another deploy.sh is running"

if [ "$1" = --back ]; then
    version=$(readlink -f "$ROOT/previous") && [ -d "$version" ] || refuse "there is no version before"
else
    fetch "$1"
fi
if [ ! -e "$ROOT/current" ]; then
    switch_to "$version"
    say "$(basename "$version") is installed, start it with: systemctl enable --now gecholog.socket gecholog.service"
    exit 0
fi
known=$(left_out "$HOME_FOLDER" "$ROOT/current")
in_version "$HOME_FOLDER" "$version" preflight || refuse "$(basename "$version") refuses the config"
try_start
replace "$version"
remove_old
