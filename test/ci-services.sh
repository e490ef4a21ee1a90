#!/usr/bin/env bash
# Starts Debian's PostgreSQL and Debian's Swift with s3api, on free ports, and prints the variables that have the tests of
# storage use them instead of the servers from npm:
#   eval "$(test/ci-services.sh start FOLDER)"; npx vitest run --project unit src/storage; test/ci-services.sh stop FOLDER
# Needs root, and: apt-get install -y --no-install-recommends postgresql swift-proxy swift-account swift-container swift-object
set -euo pipefail

command=$1
folder=$(realpath -m "$2")
binaries=$(dirname "$(ls -d /usr/lib/postgresql/*/bin/postgres | tail -1)")
etc=$folder/swift

as_postgres() { (cd / && setpriv --reuid=postgres --regid=postgres --init-groups "$@"); }

free_port() { node -e 'const s=require("net").createServer().listen(0,()=>{console.log(s.address().port);s.close()})'; }

start_postgres() {
  install -d -o postgres -g postgres "$folder/postgres"
  local port
  port=$(free_port)
  as_postgres "$binaries/initdb" --pgdata="$folder/postgres/data" --username=tests --auth=trust --encoding=UTF8 --no-locale >/dev/null
  as_postgres "$binaries/pg_ctl" start --wait --pgdata="$folder/postgres/data" --log="$folder/postgres/log" \
    --options="-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories=" >/dev/null
  echo "export TEST_DATABASE_URL=postgres://tests@127.0.0.1:$port/postgres"
}

# One of the three servers behind Swift's proxy, with a ring of one device.
configure_swift_server() {
  local name=$1 port=$2
  swift-ring-builder "$etc/$name.builder" create 4 1 0 >/dev/null
  swift-ring-builder "$etc/$name.builder" add "r1z1-127.0.0.1:$port/disk" 1 >/dev/null
  swift-ring-builder "$etc/$name.builder" rebalance >/dev/null
  cat >"$etc/$name-server.conf" <<CONF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $port
user = root
swift_dir = $etc
devices = $folder/devices
mount_check = false
workers = 0
[pipeline:main]
pipeline = $name-server
[app:$name-server]
use = egg:swift#$name
CONF
}

configure_swift_proxy() {
  cat >"$etc/proxy-server.conf" <<CONF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $1
user = root
swift_dir = $etc
workers = 0
[pipeline:main]
pipeline = catch_errors healthcheck cache listing_formats s3api tempauth bulk slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:catch_errors]
use = egg:swift#catch_errors
# There is no memcached: what is not cached is asked for again.
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:9
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
CONF
}

start_swift() {
  install -d "$etc" "$folder/devices/disk"
  printf '[swift-hash]\nswift_hash_path_suffix = tests\n[storage-policy:0]\nname = Policy-0\ndefault = yes\n' >"$etc/swift.conf"
  local name port
  for name in account container object; do configure_swift_server "$name" "$(free_port)"; done
  port=$(free_port)
  configure_swift_proxy "$port"
  for name in account container object proxy; do
    SWIFT_DIR=$etc setsid "swift-$name-server" "$etc/$name-server.conf" >"$etc/$name.log" 2>&1 &
    echo $! >>"$folder/swift.pids"
  done
  for _ in $(seq 60); do
    curl --silent --fail --output /dev/null "http://127.0.0.1:$port/healthcheck" && break
    sleep 1
  done
  echo "export TEST_S3_ENDPOINT=http://127.0.0.1:$port TEST_S3_ACCESS_KEY_ID=test:tester TEST_S3_SECRET_ACCESS_KEY=testing"
}

case $command in
  start)
    install -d "$folder"
    start_postgres
    start_swift
    ;;
  stop)
    as_postgres "$binaries/pg_ctl" stop --mode=fast --pgdata="$folder/postgres/data" >/dev/null
    xargs kill <"$folder/swift.pids"
    rm -rf "$folder"
    ;;
  *)
    echo "usage: $0 start|stop FOLDER" >&2
    exit 2
    ;;
esac
