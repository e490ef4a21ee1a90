#!/bin/sh
# For an nginx that is not in a container: prints its configuration, rendered from the template with the variables of the
# environment, as the nginx image does it. Needs envsubst (Debian: gettext-base).
#   set -a; . docker/nginx/nginx.env; set +a; docker/nginx/render.sh > /etc/nginx/conf.d/face-api.conf
set -eu
cd "$(dirname "$0")"

# shellcheck source=docker/nginx/15-limits.envsh
. ./15-limits.envsh
template=templates/face-api.conf.template
# shellcheck disable=SC2016 # names are wanted, not values
variables=$(grep -o '\${[A-Z_0-9]*}' "$template" | sort -u)
for variable in $variables; do
  name=${variable#??}
  eval ": \"\${${name%\}}:?is needed; docker/nginx/nginx.env lists them all}\""
done
envsubst "$variables" <"$template"
