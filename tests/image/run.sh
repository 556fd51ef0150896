#!/usr/bin/env bash
# Build the image and try it: tests/image/run.sh [arguments for pytest]
#
# With the engine that DOCKER names (docker) where it runs. Where none does, and we are root on a Debian: with Debian's own
# podman, installed if it is missing, and a base image made by debootstrap; no image registry is needed. IMAGE_STATE is
# the folder that keeps images and layers for the next time then.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

image=${IMAGE:-localhost/gecholog:test}
base=docker.io/library/debian:bookworm-slim
state=${IMAGE_STATE:-${TMPDIR:-/tmp}/gecholog-image}
options=()

install_tools() {
    local missing=()
    for tool in podman runc debootstrap; do command -v "$tool" >/dev/null || missing+=("$tool"); done
    [ ${#missing[@]} = 0 ] && return
    echo "installing ${missing[*]}"
    apt-get update -qq >"$state/apt.log" 2>&1
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >>"$state/apt.log" 2>&1
}

# crun, Debian's first choice, needs a cgroup layout that not every machine has; without limits of its own podman asks for
# more than the machine may allow. There may be no systemd, hence DISABLE_HC_SYSTEMD: the test itself runs HEALTHCHECK.
configure() {
    local files processes
    files=$(ulimit -Hn)
    [ "$files" != unlimited ] || files=1048576
    processes=$(ulimit -Hu)
    [ "$processes" != unlimited ] && [ "$processes" -le 32768 ] || processes=32768
    cat >"$state/storage.conf" <<-END
		[storage]
		driver = "overlay"
		graphroot = "$state/store"
		runroot = "$state/run"
	END
    cat >"$state/containers.conf" <<-END
		[containers]
		default_ulimits = ["nofile=$files:$files", "nproc=$processes:$processes"]
		[engine]
		runtime = "runc"
		cgroup_manager = "cgroupfs"
		events_logger = "file"
		tmp_dir = "$state/libpod"
	END
    export CONTAINERS_STORAGE_CONF=$state/storage.conf CONTAINERS_CONF=$state/containers.conf DISABLE_HC_SYSTEMD=true
}

make_base() {
    podman image exists "$base" && return
    local root=$state/rootfs
    echo "making $base"
    rm -rf "$root"
    debootstrap --variant=minbase bookworm "$root" >"$state/debootstrap.log" 2>&1
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    : >"$root/etc/resolv.conf"
    : >"$root/etc/hostname"
    # Where a proxy opens TLS, the machine trusts its certificate: so must pip in the build.
    mkdir -p "$root/usr/local/share/ca-certificates"
    cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
    tar -C "$root" -cf "$state/base.tar" .
    podman import -q --change 'CMD ["bash"]' \
        --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' "$state/base.tar" "$base" >/dev/null
    rm -rf "$root" "$state/base.tar"
}

engine=${DOCKER:-docker}
if ! "$engine" info >/dev/null 2>&1; then
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        echo "no container engine: $engine is not there or does not run (DOCKER names another; root on a Debian needs none)" >&2
        exit 1
    fi
    engine=podman
    options=(--network host --pull=never)
    mkdir -p "$state"
    install_tools
    configure
    make_base
fi
export BUILDAH_FORMAT=docker # podman's own format has no HEALTHCHECK

before=$("$engine" image inspect --format '{{.Id}}' "$image" 2>/dev/null || true)
make --no-print-directory image DOCKER="$engine" IMAGE="$image" IMAGE_ARGS="${options[*]}"
after=$("$engine" image inspect --format '{{.Id}}' "$image")
# Its name has gone to the new one.
[ -z "$before" ] || [ "$before" = "$after" ] || "$engine" rmi "$before" >/dev/null 2>&1 || true

export GECHOLOG_TEST_ENGINE=$engine GECHOLOG_TEST_IMAGE=$image
exec "${PYTHON:-.venv/bin/python}" -m pytest tests/image "$@"
