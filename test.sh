#!/usr/bin/env bash
# Builds everything and runs the tests. Needs only the .NET 10 SDK.
#
#   ./test.sh                     with RabbitMQ and MongoDB in containers if a Docker engine answers; otherwise only tests without services, and the list of the others
#   ./test.sh --services docker   RabbitMQ and MongoDB in containers (images of docker-compose.yml, free loopback ports, removed at the end), or an error
#   ./test.sh --services debian   RabbitMQ and a MongoDB-compatible store from Debian's packages, in a chroot (root on Debian); runs every test
#   ./test.sh --services none     no services, although a Docker engine answers
#   ./test.sh --filter NAME       only test classes whose name contains NAME
#   ./test.sh --numerical         only tests against golden numbers, on each vector unit of the CPU and with 1 and 2 threads
#   ./test.sh --broker 3.10       only tests with a broker, on Debian 12's RabbitMQ 3.10 in a second chroot (root on Debian)
#   ./test.sh --broker both       everything on 4.x, then the tests of the wire protocol on 3.10
#   ./test.sh --faults [NAME=VALUE...]   the long fault run instead of the tests: images=20000 engine=model|null rounds=3 outage=20 slow=MS seed=1
#
# The fault run kills API and workers, restarts the broker and stops the store. AGCAM_TEST_SERVICES names the script that restarts the services; without it the run starts
# its own from Debian's packages. It ends with attempted= acknowledged= ok= lost= duplicated= recovered= unexpected= kills= and an exit code.
# AGCAM_TEST_RABBITMQ and AGCAM_TEST_MONGODB (URIs) name running services: then none is started. CI=true starts services as --services debian does, and
# treats a skipped test as a failure.
set -euo pipefail
cd "$(dirname "$0")"

services=auto filter= numerical= broker= started= faults=()
[ "${CI:-}" = true ] && services=debian
while [ $# -gt 0 ]; do
  case "$1" in
    --services) services=${2:-}; shift; [ $# -eq 0 ] || shift ;;
    --filter) filter=$2; shift 2 ;;
    --numerical) numerical=1; services=none; shift ;;
    --broker) broker=$2; services=debian; shift 2 ;;
    --faults) shift; faults=(role=faults "$@"); services=debian; break ;;
    -h|--help) sed -n '2,/^set /s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "test.sh: unknown option $1 (see ./test.sh --help)" >&2; exit 2 ;;
  esac
done

case "$services" in
  auto | docker | debian | none) ;;
  *) echo "test.sh: --services is docker, debian or none, not $services" >&2; exit 2 ;;
esac
case "$broker" in
  '' | 3.10 | both) ;;
  *) echo "test.sh: --broker is 3.10 or both, not $broker" >&2; exit 2 ;;
esac
if [ -n "$broker" ] && [ -n "${AGCAM_TEST_RABBITMQ:-}${AGCAM_TEST_MONGODB:-}" ]; then
  echo "test.sh: --broker starts services of its own; unset AGCAM_TEST_RABBITMQ and AGCAM_TEST_MONGODB" >&2
  exit 2
fi

engine_answers() { command -v docker >/dev/null && timeout 20 docker info >/dev/null 2>&1; }
[ -z "${AGCAM_TEST_RABBITMQ:-}${AGCAM_TEST_MONGODB:-}" ] || services=none # those that are named
if [ "$services" = auto ]; then
  services=none
  ! engine_answers || services=docker
elif [ "$services" = docker ] && ! engine_answers; then
  echo "test.sh: no Docker engine answers (docker info); start one, or take --services debian" >&2
  exit 2
fi

dotnet build AgCamPipeline.sln -c Release --nologo -v quiet

logs=$(mktemp -d)
declare -A running=() # process id to project
clean_up() {
  [ ${#running[@]} -eq 0 ] || kill "${!running[@]}" 2>/dev/null || true
  stop_services
  rm -rf "$logs"
}
trap clean_up EXIT

start_services() { # [RELEASE]: the Debian release that the broker comes from
  started=$services
  if [ "$services" = docker ]; then
    local environment
    environment=$(infra/test-services/docker.sh up "agcam-test-$$")
    eval "$environment"
  else
    AGCAM_SERVICES_RABBITMQ=$1 infra/test-services/debian.sh up
    eval "$(infra/test-services/debian.sh env)"
    export AGCAM_TEST_SERVICES_OWNED=1 # ours to restart
  fi
}
stop_services() {
  case "$started" in
    docker) infra/test-services/docker.sh down "agcam-test-$$" ;;
    debian) infra/test-services/debian.sh down ;;
  esac
  started=
}
case "$services" in
  docker) start_services ;;
  debian) start_services "$([ "$broker" = 3.10 ] && echo bookworm || echo sid)" ;;
esac

if [ ${#faults[@]} -gt 0 ]; then
  log=$(mktemp)
  # The last line is the result, so it is printed after the services have stopped.
  dotnet exec tests/AgCam.TestHost/bin/Release/net10.0/AgCam.TestHost.dll "${faults[@]}" 2>&1 | tee "$log" | sed -u '$d' && code=0 || code=$?
  stop_services
  tail -n 1 "$log"
  rm -f "$log"
  exit "$code"
fi
for service in AGCAM_TEST_RABBITMQ AGCAM_TEST_RABBITMQ_MANAGEMENT AGCAM_TEST_RABBITMQ_TLS AGCAM_TEST_MONGODB AGCAM_TEST_SERVICES; do
  [ -n "${!service:-}" ] || echo "left out: tests that need $service (see ./test.sh --help)"
done

command -v chromium chromium-browser google-chrome >/dev/null || echo "left out: tests that need a browser (apt-get install chromium)"
command -v promtool >/dev/null || echo "left out: tests of the alert rules (apt-get install prometheus)"
command -v strace >/dev/null || echo "left out: tests of outbound calls (apt-get install strace)"

passed=0 failed=0 skipped=0 broken=0 failures=
start_tests() { # PROJECT [ARGS...]: in the background, with its output in a file
  local project=$1 name
  shift
  name=$(basename "$project")
  [ -z "$filter" ] || set -- "$@" --filter-class "*$filter*"
  echo "== $name${*:+ $*}" >"$logs/$name"
  [ $# -eq 0 ] || set -- "$@" --ignore-exit-code 8 # the filter may match no test
  # Interruptible, as in the foreground: a shell makes background processes ignore SIGINT, and they pass that on.
  env --default-signal=INT,QUIT "$project/bin/Release/net10.0/$name" --no-ansi --progress off --timeout 30m "$@" >>"$logs/$name" 2>&1 &
  running[$!]=$name
  echo "started $name"
}

finish_tests() { # waits for one project, prints its output and counts its tests
  local process='' each name log code
  while [ -z "$process" ]; do
    for each in "${!running[@]}"; do kill -0 "$each" 2>/dev/null || process=$each; done
    [ -n "$process" ] || wait -n "${!running[@]}" 2>/dev/null || true # it may miss one that a signal ended
  done
  wait "$process" 2>/dev/null && code=0 || code=$?
  name=${running[$process]} log=$logs/${running[$process]}
  unset "running[$process]"
  cat "$log"
  count() { sed -n "s/^ *$1: \([0-9]*\)$/\1/p" "$log" | tail -n 1; }
  if [ -z "$(count total)" ] || { [ "$code" -ne 0 ] && [ "$(count failed)" = 0 ]; }; then
    echo "$name ended with exit code $code and no failed test to explain it" >&2
    failures+="$name ended with exit code $code"$'\n'
    broken=$((broken + 1))
  fi
  failures+=$(sed -n '/^failed .* ([^()]*)$/p' "$log")
  failures=${failures:+${failures%$'\n'}$'\n'}
  passed=$((passed + $(count succeeded || true) + 0))
  failed=$((failed + $(count failed || true) + 0))
  skipped=$((skipped + $(count skipped || true) + 0))
}

# Two projects at a time, the longest first: half of the time tests wait, for a process, a lease or a broker.
projects=(tests/AgCam.Cli.Tests tests/AgCam.Worker.Tests tests/AgCam.Pipeline.Tests tests/AgCam.Api.Tests)
for project in tests/*.Tests; do
  [[ " ${projects[*]} " = *" $project "* ]] || projects+=("$project")
done
run_all() { # [ARGS...]
  local project
  for project in "${projects[@]}"; do
    [ -d "$project" ] || continue
    [ ${#running[@]} -lt 2 ] || finish_tests
    start_tests "$project" "$@"
  done
  while [ ${#running[@]} -gt 0 ]; do finish_tests; done
}

# Of what touches a broker, `wire` is what may differ between brokers and takes no more than a minute; `whole` is the rest.
traits=()
[ "$broker" != 3.10 ] || traits=(--filter-trait 'RabbitMQ=*')
if [ -n "$numerical" ]; then
  units=default
  ! grep -qw avx2 /proc/cpuinfo 2>/dev/null || units="default avx2"
  for unit in $units; do
    for threads in 1 2; do
      echo "== ATEN_CPU_CAPABILITY=$unit OMP_NUM_THREADS=$threads"
      for project in $(grep -rlF --include=*.cs '[Trait("Category", "numerical")]' tests | cut -d / -f 1,2 | sort -u); do
        ATEN_CPU_CAPABILITY=$unit OMP_NUM_THREADS=$threads start_tests "$project" --filter-trait Category=numerical
        finish_tests
      done
    done
  done
else
  run_all "${traits[@]}" --filter-not-trait Runs=isolated
  # Tests that compare times or restart the services
  for project in $(grep -rlF --include=*.cs '[Trait("Runs", "isolated")]' tests | cut -d / -f 1,2 | sort -u); do
    start_tests "$project" --filter-trait Runs=isolated
    finish_tests
  done
fi
if [ "$broker" = both ]; then
  stop_services
  start_services bookworm
  run_all --filter-trait RabbitMQ=wire
fi
failed=$((failed + broken))
stop_services
if [ "${CI:-}" = true ] && [ "$skipped" -gt 0 ]; then
  echo "test.sh: CI leaves out nothing, but $skipped tests were skipped; each says above what it lacked" >&2
  broken=1
fi
printf '%s' "$failures" # again: the log above is long
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$broken" -eq 0 ] && [ "$passed" -gt 0 ]
