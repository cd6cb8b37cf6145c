#!/usr/bin/env bash
# Services for the pipeline's tests without Docker, on Debian, as root:
# RabbitMQ, and a MongoDB-compatible database (PostgreSQL with the documentdb extension behind tests/AgCam.DocumentDbGateway).
#
# Packages of Debian sid are installed once into a chroot in a cache folder. The chroot has its own mount and process namespaces: the
# host never sees a mount, and everything in the namespace ends with its first process.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: debian.sh COMMAND
  up [--keep]           build what is missing, start what is stopped, print the environment; fresh data unless --keep
  down                  stop everything
  status                what runs; exit 0 when all of it does, 3 when not
  env                   print the environment for the tests: eval "$(debian.sh env)"
  restart-rabbitmq [--kill]   stop (with --kill: kill -9) the broker and start it again
  stop-rabbitmq [--kill], start-rabbitmq
  stop-mongo [--kill]   stop the database and its gateway; data stays
  start-mongo           start them again
  add-rabbitmq-user NAME PASSWORD CONFIGURE WRITE READ   a user with these permission patterns; prints its URI
  rabbitmqctl ARGS...   the broker's own command
  psql ARGS...          PostgreSQL's own command
  helm-check            build infra/helm-check with Debian sid's Go and Kubernetes' types, print the program's path; needs nothing to run
  compose               fetch Debian sid's docker-compose, print the program's path; needs nothing to run
environment:
  AGCAM_SERVICES_CACHE     /var/cache/agcam-test-services
  AGCAM_SERVICES_PORT      21670: first of seven ports: AMQP, management, node names, distribution, MongoDB, PostgreSQL, AMQP over TLS
  AGCAM_SERVICES_RABBITMQ  sid (4.x) or bookworm (3.10): the Debian release that the broker comes from; read by a cold `up`
USAGE
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
cache=${AGCAM_SERVICES_CACHE:-/var/cache/agcam-test-services}
port=${AGCAM_SERVICES_PORT:-21670}
amqp_port=$port management_port=$((port + 1)) epmd_port=$((port + 2)) distribution_port=$((port + 3))
mongo_port=$((port + 4)) postgres_port=$((port + 5)) tls_port=$((port + 6))
state=$cache/run          # pid files, and which release the broker is from
data=$cache/data          # bound to /data inside the chroots
logs=$cache/logs
postgres_bin=/usr/lib/postgresql/18/bin
broker_release=$(cat "$state/rabbitmq-release" 2>/dev/null || echo "${AGCAM_SERVICES_RABBITMQ:-sid}")

say() { echo "test services: $*" >&2; }
fail() { say "$*"; exit 1; }

# ---- the chroots -------------------------------------------------------------------------------------------------------------------

packages_of() { # RELEASE
    case $1 in
        sid) echo postgresql-18-documentdb rabbitmq-server ;;
        bookworm) echo rabbitmq-server ;;
        *) fail "no recipe for Debian release '$1'; AGCAM_SERVICES_RABBITMQ is sid or bookworm." ;;
    esac
}

# The mirror that this machine's own apt uses for Debian's main archive.
mirror() {
    local uri
    uri=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' | awk '$1 == "Debian" { print $2; exit }')
    echo "${uri:-http://deb.debian.org/debian}"
}

chroot_works() { # RELEASE
    local root=$cache/$1
    [[ $(cat "$root/.agcam-packages" 2>/dev/null) == "$(packages_of "$1")" ]] || return 1
    chroot "$root" /bin/sh -c 'id rabbitmq && test -x /usr/lib/rabbitmq/bin/rabbitmq-server && test -x /usr/bin/erl' >/dev/null 2>&1 || return 1
    [[ $1 != sid ]] || chroot "$root" /bin/sh -c "$postgres_bin/postgres --version && ls /usr/share/postgresql/18/extension/documentdb.control" >/dev/null 2>&1
}

# Deletes a folder of the cache, unless it contains a mount. Mounts exist only in other namespaces.
remove_folder() {
    [[ -e $1 ]] || return 0
    if findmnt --raw --noheadings --output TARGET | grep -qE "^$(realpath "$1")(/|$)"; then
        fail "something is mounted under $1; unmount it first (findmnt | grep '$1')."
    fi
    rm -rf --one-file-system "$1"
}

build_chroot() { # RELEASE
    local release=$1 root=$cache/$1
    if ! command -v debootstrap >/dev/null; then
        say "installing debootstrap"
        { apt-get update && apt-get install -y --no-install-recommends debootstrap; } >"$logs/debootstrap-package.log" 2>&1 \
            || fail "debootstrap cannot be installed; see $logs/debootstrap-package.log"
    fi
    say "building the $release chroot in $root (about two minutes)"
    remove_folder "$root"
    remove_folder "$root.building"
    unshare --mount --propagation private "${BASH_SOURCE[0]}" build-inside "$release" >"$logs/build-$release.log" 2>&1 \
        || fail "the $release chroot cannot be built; see $logs/build-$release.log"
    mv "$root.building" "$root"
    chroot_works "$release" || fail "the $release chroot was built but its programs do not start; see $logs/build-$release.log"
}

# Runs in its own mount namespace, so that mounts of debootstrap or of a killed build end with this process.
build_inside() { # RELEASE
    local release=$1 root=$cache/$1.building
    debootstrap --variant=minbase "$release" "$root" "$(mirror)"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    cp /etc/apt/apt.conf.d/* "$root/etc/apt/apt.conf.d/"
    cp -r /etc/apt/auth.conf.d "$root/etc/apt/" 2>/dev/null || true
    echo "127.0.0.1 localhost $(hostname)" >"$root/etc/hosts"
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
    mkdir -p "$root/data"
    mount_kernel_folders "$root"
    export DEBIAN_FRONTEND=noninteractive LC_ALL=C
    chroot "$root" apt-get update
    # shellcheck disable=SC2046
    chroot "$root" apt-get install -y --no-install-recommends $(packages_of "$release")
    chroot "$root" apt-get clean
    packages_of "$release" >"$root/.agcam-packages"
}

mount_kernel_folders() { # ROOT; only ever inside a private mount namespace
    mount -t proc proc "$1/proc"
    mount --rbind /dev "$1/dev"
    mount -t tmpfs tmpfs "$1/dev/shm"
}

# ---- the namespace that everything in the chroots runs in ----------------------------------------------------------------------------

# Prints the pid in a file if that process still runs and its command line contains MARK.
living() { # PIDFILE MARK
    local pid
    pid=$(cat "$state/$1" 2>/dev/null) && [[ $pid ]] && { tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null | grep -qF -- "$2" && echo "$pid"
}
namespace_pid() { living namespace.pid "namespace-inside $cache"; }
gateway_pid() { living gateway.pid AgCam.DocumentDbGateway; }

start_namespace() {
    namespace_pid >/dev/null && return
    rm -f "$state/namespace.pid"
    setsid unshare --mount --propagation private --pid --fork --kill-child \
        "${BASH_SOURCE[0]}" namespace-inside "$cache" </dev/null >"$logs/namespace.log" 2>&1 9>&- &
    wait_for "the namespace" 10 namespace_pid
}

# First process of the namespace. Bash also reaps inherited children, so a stopped server leaves no zombie.
namespace_inside() {
    local release
    for release in sid bookworm; do
        [[ -d $cache/$release/data ]] || continue
        mount_kernel_folders "$cache/$release"
        mount -t tmpfs tmpfs "$cache/$release/tmp"
        mount -t tmpfs tmpfs "$cache/$release/run"
        mount --bind "$data" "$cache/$release/data"
    done
    # The pid in the host's namespace: /proc is still the host's.
    awk '{ print $4 }' /proc/self/stat >"$state/namespace.pid.new"
    mv "$state/namespace.pid.new" "$state/namespace.pid"
    while true; do sleep 3600 & wait $!; done
}

inside() { # RELEASE COMMAND...: runs a command in a chroot of the namespace
    local pid release=$1
    shift
    pid=$(namespace_pid) || fail "nothing is running; start it with 'up'."
    ${detach:+setsid} nsenter --target "$pid" --mount --pid chroot "$cache/$release" "$@" 9>&-
}
as() { # USER RELEASE COMMAND...
    local user=$1 release=$2
    shift 2
    inside "$release" /usr/sbin/runuser -u "$user" -- env HOME=/data/home "$@"
}

wait_for() { # WHAT SECONDS COMMAND...
    local what=$1 seconds=$2 deadline=$((SECONDS + $2))
    shift 2
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || fail "$what is not ready after $seconds s; logs are in $logs and $data."
        sleep 0.2
    done
}
open_port() { timeout 2 bash -c "exec 3<>/dev/tcp/127.0.0.1/$1" 2>/dev/null; }
closed_port() { ! open_port "$1"; }

# ---- RabbitMQ ----------------------------------------------------------------------------------------------------------------------

rabbit() { # PROGRAM ARGS...
    local program=$1
    shift
    as rabbitmq "$broker_release" env HOME=/data/rabbitmq LC_ALL=C.UTF-8 \
        RABBITMQ_NODENAME=agcam@localhost RABBITMQ_MNESIA_BASE=/data/rabbitmq/nodes RABBITMQ_LOG_BASE=/data/rabbitmq/log \
        RABBITMQ_CONFIG_FILE=/data/rabbitmq/rabbitmq.conf RABBITMQ_ENABLED_PLUGINS_FILE=/data/rabbitmq/enabled_plugins \
        RABBITMQ_PID_FILE=/data/rabbitmq/pid RABBITMQ_DIST_PORT=$distribution_port ERL_EPMD_PORT=$epmd_port ERL_EPMD_ADDRESS=127.0.0.1 \
        "/usr/lib/rabbitmq/bin/$program" "$@"
}
rabbit_port_open() { open_port "$amqp_port"; }

write_rabbitmq_configuration() {
    mkdir -p "$data/rabbitmq/nodes" "$data/rabbitmq/log"
    cat >"$data/rabbitmq/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:$amqp_port
management.tcp.ip = 127.0.0.1
management.tcp.port = $management_port
log.file.level = info
# With certificates of a private authority. Clients need a certificate too.
listeners.ssl.1 = 127.0.0.1:$tls_port
ssl_options.cacertfile = /data/rabbitmq/tls/ca.pem
ssl_options.certfile = /data/rabbitmq/tls/server.pem
ssl_options.keyfile = /data/rabbitmq/tls/server.key
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
CONF
    make_certificates "$data/rabbitmq/tls" 2>"$logs/certificates.log" || fail "certificates cannot be made; see $logs/certificates.log"
    echo '[rabbitmq_management].' >"$data/rabbitmq/enabled_plugins"
    inside "$broker_release" chown -R rabbitmq:rabbitmq /data/rabbitmq
}

# Creates an authority, a server certificate for localhost and 127.0.0.1, and a client certificate.
make_certificates() { # FOLDER
    local folder=$1 name
    command -v openssl >/dev/null || { apt-get update && apt-get install -y --no-install-recommends openssl; } >&2
    mkdir -p "$folder"
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj '/CN=agcam test authority' -keyout "$folder/ca.key" -out "$folder/ca.pem"
    for name in server client; do
        openssl req -newkey rsa:2048 -nodes -subj "/CN=agcam test $name" -keyout "$folder/$name.key" -out "$folder/$name.csr"
        openssl x509 -req -in "$folder/$name.csr" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -CAcreateserial -days 3650 -out "$folder/$name.pem" \
            -extfile <(echo "extendedKeyUsage=${name}Auth"; [[ $name != server ]] || echo 'subjectAltName=DNS:localhost,IP:127.0.0.1')
    done
    chmod a+r "$folder"/*
}

start_rabbitmq() {
    rabbit_port_open && return
    [[ -d $data/rabbitmq ]] || write_rabbitmq_configuration
    detach=yes rabbit rabbitmq-server </dev/null >"$logs/rabbitmq.log" 2>&1 9>&- &
    wait_for "RabbitMQ on port $amqp_port" 90 rabbit_port_open
}

# SIGTERM stops RabbitMQ in order; rabbitmqctl would start a second Erlang process for that.
stop_rabbitmq() { # [--kill]
    local signal=TERM
    [[ ${1:-} != --kill ]] || signal=KILL
    rabbit_signal $signal || true
    wait_for "the end of RabbitMQ" 60 rabbit_gone
}
rabbit_signal() { inside "$broker_release" /bin/sh -c "kill -$1 \$(cat /data/rabbitmq/pid)"; }
rabbit_gone() { ! rabbit_signal 0; }

add_rabbitmq_user() { # NAME PASSWORD CONFIGURE WRITE READ
    (($# == 5)) || fail "add-rabbitmq-user wants NAME PASSWORD CONFIGURE WRITE READ (permission patterns, '' for none)."
    { rabbit rabbitmqctl delete_user "$1" || true; } >/dev/null 2>&1
    rabbit rabbitmqctl add_user "$1" "$2" >/dev/null
    rabbit rabbitmqctl set_permissions -p / "$1" "$3" "$4" "$5" >/dev/null
    echo "amqp://$1:$2@127.0.0.1:$amqp_port/"
}

# ---- the MongoDB-compatible database -------------------------------------------------------------------------------------------------

postgres() { # PROGRAM ARGS...
    local program=$1
    shift
    as postgres sid "$postgres_bin/$program" "$@"
}
postgres_ready() { postgres pg_isready -h 127.0.0.1 -p "$postgres_port"; }

create_database() {
    mkdir -p "$data/postgres"
    inside sid chown postgres:postgres /data/postgres
    postgres initdb -D /data/postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 >"$logs/initdb.log" 2>&1 \
        || fail "PostgreSQL cannot make its data folder; see $logs/initdb.log"
    cat >>"$data/postgres/postgresql.conf" <<CONF
# extended_rum has ordered indexes: a page of a sorted list costs the page, not the list.
listen_addresses = '127.0.0.1'
port = $postgres_port
unix_socket_directories = ''
max_connections = 200
shared_buffers = 512MB
max_wal_size = 4GB
shared_preload_libraries = 'pg_cron,pg_documentdb_core,pg_documentdb,pg_documentdb_extended_rum'
documentdb.alternate_index_handler_name = 'extended_rum'
cron.database_name = 'postgres'
cron.host = '127.0.0.1'
cron.log_run = off
cron.log_statement = off
deadlock_timeout = 100ms
documentdb.use_pg_stats_live_tuples_for_count = off
CONF
}

start_postgres() {
    local fresh=
    postgres_ready >/dev/null 2>&1 && return
    [[ -f $data/postgres/PG_VERSION ]] || { create_database && fresh=yes; }
    postgres pg_ctl start -D /data/postgres -w -t 90 -l /data/postgres/server.log </dev/null >"$logs/postgres.log" 2>&1 \
        || fail "PostgreSQL does not start; see $logs/postgres.log and $data/postgres/server.log"
    [[ -z $fresh ]] || postgres psql -h 127.0.0.1 -p "$postgres_port" -q -c 'create extension documentdb cascade' \
        -c 'create extension documentdb_extended_rum' >"$logs/extension.log" 2>&1 \
        || fail "the documentdb extension cannot be created; see $logs/extension.log"
}

start_gateway() {
    gateway_pid >/dev/null && return
    local program=$cache/gateway/AgCam.DocumentDbGateway
    say "building the gateway"
    dotnet publish "$repository/tests/AgCam.DocumentDbGateway" -c Release -o "$cache/gateway" -nodeReuse:false -p:UseSharedCompilation=false \
        >"$logs/gateway-build.log" 2>&1 9>&- \
        || fail "the gateway cannot be built; see $logs/gateway-build.log"
    run_gateway
}
run_gateway() {
    setsid "$cache/gateway/AgCam.DocumentDbGateway" --listen "127.0.0.1:$mongo_port" \
        --postgres "Host=127.0.0.1;Port=$postgres_port;Username=postgres;Database=postgres" \
        </dev/null >>"$logs/gateway.log" 2>&1 9>&- &
    echo $! >"$state/gateway.pid"
    wait_for "the gateway on port $mongo_port" 30 open_port "$mongo_port"
}

stop_gateway() { # SIGNAL
    local pid
    if pid=$(gateway_pid); then
        kill "-$1" "$pid"
        wait_for "the end of the gateway" 10 closed_port "$mongo_port"
    fi
    rm -f "$state/gateway.pid"
}

stop_mongo() { # [--kill]
    local signal=TERM mode=fast
    [[ ${1:-} != --kill ]] || { signal=KILL mode=immediate; }
    stop_gateway $signal
    postgres pg_ctl stop -D /data/postgres -m $mode -w -t 60 >"$logs/postgres-stop.log" 2>&1 || true
    wait_for "the end of PostgreSQL" 10 closed_port "$postgres_port"
}

start_mongo() {
    start_postgres
    if [[ -x $cache/gateway/AgCam.DocumentDbGateway ]] && ! gateway_pid >/dev/null; then run_gateway; else start_gateway; fi
}

# ---- the chart's check -----------------------------------------------------------------------------------------------------------------

helm_check() {
    local folder=$cache/helm-check digest
    digest=$(cat "$repository"/infra/helm-check/*.go | sha256sum)
    if [[ ! -x $folder/helm-check || $(cat "$folder/digest" 2>/dev/null) != "$digest" ]]; then
        chroot_works sid || build_chroot sid
        mkdir -p "$folder"
        say "building helm-check"
        unshare --mount --propagation private "${BASH_SOURCE[0]}" helm-check-inside >"$logs/helm-check.log" 2>&1 9>&- \
            || fail "helm-check cannot be built; see $logs/helm-check.log"
        echo "$digest" >"$folder/digest"
    fi
    echo "$folder/helm-check"
}

# Debian's Go packages are sources in /usr/share/gocode, so nothing is downloaded.
helm_check_inside() {
    local root=$cache/sid
    mount_kernel_folders "$root"
    mount -t tmpfs tmpfs "$root/tmp"
    mkdir -p "$root/tmp/go/src/helm-check" "$root/tmp/out"
    mount --bind "$cache/helm-check" "$root/tmp/out"
    cp "$repository"/infra/helm-check/*.go "$root/tmp/go/src/helm-check/"
    export DEBIAN_FRONTEND=noninteractive LC_ALL=C
    if ! chroot "$root" test -d /usr/share/gocode/src/k8s.io/api; then
        chroot "$root" apt-get update
        chroot "$root" apt-get install -y --no-install-recommends golang-go golang-k8s-api-dev golang-github-masterminds-sprig-dev
        chroot "$root" apt-get clean
    fi
    chroot "$root" env GO111MODULE=off GOPATH=/tmp/go:/usr/share/gocode GOCACHE=/tmp/out/cache CGO_ENABLED=0 HOME=/tmp \
        sh -c 'cd /tmp/go/src/helm-check && unformatted=$(gofmt -l .) && { [ -z "$unformatted" ] || { echo "gofmt -w $unformatted"; exit 1; }; } && go vet . && go build -o /tmp/out/helm-check .'
}

# ---- docker-compose ----------------------------------------------------------------------------------------------------------------------

# Debian 12 has the old Compose in Python. Sid's is a single program that also runs here; without an engine it can read and check files.
compose() {
    local folder=$cache/compose
    if ! "$folder/docker-compose" version >/dev/null 2>&1; then
        chroot_works sid || build_chroot sid
        mkdir -p "$folder"
        say "fetching docker-compose"
        unshare --mount --propagation private "${BASH_SOURCE[0]}" compose-inside >"$logs/compose.log" 2>&1 9>&- \
            || fail "docker-compose cannot be fetched; see $logs/compose.log"
    fi
    echo "$folder/docker-compose"
}

compose_inside() {
    local root=$cache/sid program
    mount_kernel_folders "$root"
    mount -t tmpfs tmpfs "$root/tmp"
    export DEBIAN_FRONTEND=noninteractive LC_ALL=C
    chroot "$root" apt-get update
    chroot "$root" sh -c 'cd /tmp && apt-get download docker-compose && dpkg-deb -x docker-compose_*.deb unpacked'
    program=$(find "$root/tmp/unpacked" -type f -name docker-compose -perm -u+x | head -n 1)
    cp "$program" "$cache/compose/docker-compose"
    "$cache/compose/docker-compose" version
}

# ---- the commands --------------------------------------------------------------------------------------------------------------------

print_environment() {
    cat <<ENV
export AGCAM_TEST_RABBITMQ=amqp://guest:guest@127.0.0.1:$amqp_port/
export AGCAM_TEST_RABBITMQ_MANAGEMENT=http://guest:guest@127.0.0.1:$management_port/
export AGCAM_TEST_MONGODB='mongodb://127.0.0.1:$mongo_port/?directConnection=true'
export AGCAM_TEST_SERVICES=$here/debian.sh
ENV
    # An instance without certificates keeps running without TLS.
    [[ ! -f $data/rabbitmq/tls/ca.pem ]] || cat <<ENV
export AGCAM_TEST_RABBITMQ_TLS=amqps://guest:guest@127.0.0.1:$tls_port/
export AGCAM_TEST_RABBITMQ_CERTIFICATES=$data/rabbitmq/tls
ENV
}

status() {
    local all=0
    report() { if "${@:2}" >/dev/null 2>&1; then say "$1: up"; else say "$1: down" && all=3; fi; }
    report "RabbitMQ ($broker_release) on port $amqp_port" rabbit_port_open
    report "PostgreSQL on port $postgres_port" open_port "$postgres_port"
    report "MongoDB gateway on port $mongo_port" open_port "$mongo_port"
    return $all
}

up() { # [--keep]
    if status 2>/dev/null; then
        say "already up"
        print_environment
        return
    fi
    local number release began=$SECONDS
    if ! namespace_pid >/dev/null; then
        stop_gateway KILL # one left over from a namespace that was killed
        for number in "$amqp_port" "$postgres_port" "$mongo_port"; do
            closed_port "$number" || fail "port $number is taken; set AGCAM_SERVICES_PORT."
        done
        broker_release=${AGCAM_SERVICES_RABBITMQ:-sid}
        for release in sid $([[ $broker_release == sid ]] || echo "$broker_release"); do
            chroot_works "$release" || build_chroot "$release"
        done
        [[ ${1:-} == --keep ]] || remove_folder "$data"
        mkdir -p "$data/home"
        chmod 777 "$data/home"
        echo "$broker_release" >"$state/rabbitmq-release"
    fi
    start_namespace
    start_rabbitmq
    start_postgres
    start_gateway
    say "up after $((SECONDS - began)) s"
    print_environment
}

down() {
    local pid
    stop_gateway TERM
    if pid=$(namespace_pid); then
        stop_mongo
        (stop_rabbitmq) || say "RabbitMQ is killed instead"
        kill -9 "$pid" # the namespace's first process: everything in it and every mount of it ends here
        wait_for "the end of the namespace" 10 closed_port "$amqp_port"
    fi
    rm -rf "$state"
    say "down"
}

main() {
    local command=${1:-}
    [[ $command ]] && shift
    case $command in
        env) print_environment; return ;;
        status) status; return ;;
        '' | -h | --help | help) usage; return ;;
    esac
    [[ $(id -u) == 0 ]] || fail "root is needed for a chroot; run it as root, or use Docker (docker-compose.yml)."
    [[ -f /etc/debian_version ]] || fail "this needs Debian; elsewhere use Docker (docker-compose.yml)."
    case $command in
        build-inside) build_inside "$1"; return ;;
        namespace-inside) namespace_inside; return ;;
        helm-check-inside) helm_check_inside; return ;;
        compose-inside) compose_inside; return ;;
        rabbitmqctl) rabbit rabbitmqctl "$@"; return ;;
        psql) postgres psql -h 127.0.0.1 -p "$postgres_port" "$@"; return ;;
    esac
    mkdir -p "$state" "$logs"
    exec 9>"$cache/lock"
    flock --wait 900 9 || fail "another debian.sh has held $cache/lock for 15 minutes."
    case $command in
        up) up "$@" ;;
        down) down ;;
        start-rabbitmq) start_rabbitmq ;;
        stop-rabbitmq) stop_rabbitmq "$@" ;;
        restart-rabbitmq) stop_rabbitmq "$@" && start_rabbitmq ;;
        stop-mongo) stop_mongo "$@" ;;
        start-mongo) start_mongo ;;
        add-rabbitmq-user) add_rabbitmq_user "$@" ;;
        helm-check) helm_check ;;
        compose) compose ;;
        *) usage >&2; exit 2 ;;
    esac
}

main "$@"
