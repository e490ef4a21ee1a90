#!/usr/bin/env bash
# Starts Debian's PostgreSQL on a free port and prints the variable that has the tests use it, beside the embedded one:
#   eval "$(test/ci-services.sh start FOLDER)"; npx vitest run src/storage; test/ci-services.sh stop FOLDER
# Needs root and `apt-get install postgresql`.
set -euo pipefail

command=$1
folder=$(realpath -m "$2")
binaries=$(dirname "$(ls -d /usr/lib/postgresql/*/bin/postgres | tail -1)")

as_postgres() { (cd / && setpriv --reuid=postgres --regid=postgres --init-groups "$@"); }

free_port() { node -e 'const s=require("net").createServer().listen(0,()=>{console.log(s.address().port);s.close()})'; }

case $command in
  start)
    install -d -o postgres -g postgres "$folder"
    port=$(free_port)
    as_postgres "$binaries/initdb" --pgdata="$folder/data" --username=tests --auth=trust --encoding=UTF8 --no-locale >/dev/null
    as_postgres "$binaries/pg_ctl" start --wait --pgdata="$folder/data" --log="$folder/log" \
      --options="-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories=" >/dev/null
    echo "export TEST_DATABASE_URL=postgres://tests@127.0.0.1:$port/postgres"
    ;;
  stop)
    as_postgres "$binaries/pg_ctl" stop --mode=fast --pgdata="$folder/data" >/dev/null
    ;;
  *)
    echo "usage: $0 start|stop FOLDER" >&2
    exit 2
    ;;
esac
