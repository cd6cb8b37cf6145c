#!/usr/bin/env bash
# Starts RabbitMQ and MongoDB for the pipeline's tests with Docker: the images of docker-compose.yml, free loopback ports, fresh data.
# Not run with an engine yet: the tests replace the program docker (tests/AgCam.Deploy.Tests/TestScriptTests.cs).
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: docker.sh COMMAND NAME
  up NAME     start the containers NAME-rabbitmq and NAME-mongo, wait until both answer, print the environment
  env NAME    print the environment for the tests: eval "$(docker.sh env NAME)"
  down NAME   remove the containers and their data
environment:
  AGCAM_SERVICES_SECONDS   180: how long a service may take to answer
USAGE
}

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
seconds=${AGCAM_SERVICES_SECONDS:-180}

say() { echo "test services: $*" >&2; }
fail() { say "$*"; exit 1; }

image() { # NAME: as docker-compose.yml has it
    sed -n "s/^ *image: \($1:.*\)$/\1/p" "$repository/docker-compose.yml" | grep . || fail "docker-compose.yml has no image of $1."
}

start() { # SERVICE IMAGE OPTIONS... [-- COMMAND...]
    local service=$1 image=$2 options=()
    shift 2
    while (($# > 0)) && [[ $1 != -- ]]; do options+=("$1"); shift; done
    docker run --detach --rm --name "$name-$service" "${options[@]}" "$image" "${@:2}" >/dev/null || fail "Docker does not start $image; its reason stands above."
}

address() { # SERVICE PORT: prints the address of the container's port on this machine
    docker port "$name-$1" "$2/tcp" | head -n 1
}

wait_for() { # SERVICE COMMAND...: until a command in the container succeeds
    local service=$1 deadline=$((SECONDS + seconds))
    shift
    until docker exec "$name-$service" "$@" >/dev/null 2>&1; do
        if ((SECONDS >= deadline)); then
            docker logs --tail 20 "$name-$service" >&2 || true
            fail "$service does not answer after $seconds s; the end of its log stands above."
        fi
        sleep 0.5
    done
}

up() {
    local rabbitmq mongo
    rabbitmq=$(image rabbitmq) mongo=$(image mongo)
    start rabbitmq "$rabbitmq" --publish 127.0.0.1::5672 --publish 127.0.0.1::15672 --env RABBITMQ_DEFAULT_USER=agcam --env RABBITMQ_DEFAULT_PASS=agcam
    # A replica set of one node, as in docker-compose.yml: writes are acknowledged from the journal.
    start mongo "$mongo" --publish 127.0.0.1::27017 -- mongod --replSet rs0 --bind_ip_all
    wait_for mongo mongosh --quiet --eval \
        "try { rs.status().ok } catch (e) { rs.initiate({_id: 'rs0', members: [{_id: 0, host: '127.0.0.1:27017'}]}).ok }; quit(db.hello().isWritablePrimary ? 0 : 1)"
    wait_for rabbitmq rabbitmq-diagnostics -q check_port_connectivity
    environment
}

environment() {
    local amqp management mongo
    amqp=$(address rabbitmq 5672) management=$(address rabbitmq 15672) mongo=$(address mongo 27017)
    cat <<ENV
export AGCAM_TEST_RABBITMQ=amqp://agcam:agcam@$amqp/
export AGCAM_TEST_RABBITMQ_MANAGEMENT=http://agcam:agcam@$management/
export AGCAM_TEST_MONGODB='mongodb://$mongo/?directConnection=true'
ENV
}

down() {
    local service
    for service in rabbitmq mongo; do docker rm --force --volumes "$name-$service" >/dev/null 2>&1 || true; done
}

case ${1:-} in
    up | env | down) ;;
    '' | -h | --help | help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
esac
name=${2:?"docker.sh $1 wants the NAME that its containers begin with"}
case $1 in
    up) up ;;
    env) environment ;;
    down) down ;;
esac
