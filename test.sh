#!/usr/bin/env bash
# Builds everything and runs the tests. Needs the .NET 10 SDK and nothing else.
#
#   ./test.sh                     what needs no service; names what it left out
#   ./test.sh --services debian   also RabbitMQ and a MongoDB-compatible store from Debian's packages, in a chroot (root on Debian)
#   ./test.sh --filter NAME       only test classes whose name contains NAME
#   ./test.sh --faults [NAME=VALUE...]   the long fault run instead of the tests: images=20000 engine=model|null rounds=3 outage=20 slow=MS seed=1
#
# The fault run kills API and workers, restarts the broker and stops the store, of the services that AGCAM_TEST_SERVICES (a script) restarts, or else of those it starts
# itself. It ends with attempted= acknowledged= ok= lost= duplicated= recovered= unexpected= kills= and an exit code by it.
# AGCAM_TEST_RABBITMQ and AGCAM_TEST_MONGODB (URIs) name services that run already; with CI=true services are started as by --services debian.
set -euo pipefail
cd "$(dirname "$0")"

services=none filter= faults=()
[ "${CI:-}" = true ] && services=debian
while [ $# -gt 0 ]; do
  case "$1" in
    --services) services=$2; shift 2 ;;
    --filter) filter=$2; shift 2 ;;
    --faults) shift; faults=(role=faults "$@"); services=debian; break ;;
    -h|--help) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "test.sh: unknown option $1 (see ./test.sh --help)" >&2; exit 2 ;;
  esac
done

dotnet build AgCamPipeline.sln -c Release --nologo -v quiet

if [ "$services" = debian ] && [ -z "${AGCAM_TEST_RABBITMQ:-}${AGCAM_TEST_MONGODB:-}" ]; then
  stop_services() { trap - EXIT; infra/test-services/debian.sh down; }
  trap stop_services EXIT
  infra/test-services/debian.sh up
  eval "$(infra/test-services/debian.sh env)"
  export AGCAM_TEST_SERVICES_OWNED=1 # ours to restart
fi

if [ ${#faults[@]} -gt 0 ]; then
  log=$(mktemp)
  # Its last line is held back: it is the run's result, and comes last.
  dotnet exec tests/AgCam.TestHost/bin/Release/net10.0/AgCam.TestHost.dll "${faults[@]}" 2>&1 | tee "$log" | sed -u '$d' && code=0 || code=$?
  if [ "$(type -t stop_services)" = function ]; then stop_services; fi
  tail -n 1 "$log"
  rm -f "$log"
  exit "$code"
fi
for service in AGCAM_TEST_RABBITMQ AGCAM_TEST_MONGODB; do
  [ -n "${!service:-}" ] || echo "left out: tests that need $service (see ./test.sh --help)"
done

command -v chromium chromium-browser google-chrome >/dev/null || echo "left out: a test that needs a browser (apt-get install chromium)"

passed=0 failed=0 skipped=0 broken=0
for project in tests/*.Tests; do
  name=$(basename "$project")
  echo "== $name"
  log=$(mktemp)
  arguments=()
  [ -n "$filter" ] && arguments=(--filter-class "*$filter*" --ignore-exit-code 8)
  "$project/bin/Release/net10.0/$name" --no-ansi --progress off --timeout 30m "${arguments[@]}" 2>&1 | tee "$log" && code=0 || code=$?
  count() { sed -n "s/^ *$1: \([0-9]*\)$/\1/p" "$log" | tail -n 1; }
  if [ -z "$(count total)" ] || { [ "$code" -ne 0 ] && [ "$(count failed)" = 0 ]; }; then
    echo "$name ended with exit code $code and no failed test to explain it" >&2
    broken=$((broken + 1))
  fi
  passed=$((passed + $(count succeeded || true) + 0))
  failed=$((failed + $(count failed || true) + 0))
  skipped=$((skipped + $(count skipped || true) + 0))
  rm -f "$log"
done
failed=$((failed + broken))
if [ "$(type -t stop_services)" = function ]; then stop_services; fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
