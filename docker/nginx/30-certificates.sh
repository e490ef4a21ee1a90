#!/bin/sh
# Run by the nginx image's entrypoint before nginx starts: puts in place certbot's certificate or, as long as there is none,
# one that is signed by nobody, so that nginx can start and serve certbot's challenge. Then looks from time to time
# whether certbot has a newer one, and has nginx take it.
set -eu

certbot=${CERTBOT_CERTIFICATE:-/etc/letsencrypt/live/face-api}
folder=${NGINX_CERTIFICATES:?is where nginx reads its certificate}
seconds=${NGINX_CERTIFICATE_SECONDS:-60}
reload=${NGINX_RELOAD:-nginx -s reload}

# Fails where there is nothing new.
take_certbots() {
  [ -f "$certbot/fullchain.pem" ] && ! cmp -s "$certbot/fullchain.pem" "$folder/fullchain.pem" || return 1
  cp "$certbot/privkey.pem" "$folder/privkey.pem"
  cp "$certbot/fullchain.pem" "$folder/fullchain.pem"
}

umask 077
mkdir -p "$folder"
if ! take_certbots && [ ! -f "$folder/fullchain.pem" ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=face-api \
    -keyout "$folder/privkey.pem" -out "$folder/fullchain.pem" 2>/dev/null
fi

while sleep "$seconds"; do
  if take_certbots; then $reload; fi
done &
