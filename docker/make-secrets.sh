#!/bin/sh
# Makes the secrets of compose.yaml in docker/secrets/: once, since what is there is left as it is. Needs openssl.
set -eu
cd "$(dirname "$0")"

# Nobody else on this machine may enter the folder. The files themselves are readable: a container sees each with the
# rights that it has here, and the service has a user of its own.
mkdir -p -m 0700 secrets
umask 022

keep() {
  if [ -e "secrets/$1" ]; then return; fi
  cat >"secrets/$1.new"
  [ -s "secrets/$1.new" ]
  mv "secrets/$1.new" "secrets/$1"
  echo "made docker/secrets/$1"
}

openssl rand -hex 24 | keep postgres_password
openssl rand -hex 24 | keep s3_secret_key
openssl rand -hex 12 | keep grafana_password
openssl genpkey -algorithm ed25519 | keep receipt_key
echo "postgres://face_api:$(cat secrets/postgres_password)@postgres:5432/face_api" | keep database_url
