#!/usr/bin/env bash
# Builds the image without a daemon and without a registry, starts it as it would run, and asks it: bash deploy/container/prove.sh
# As root, after `make packages`. Its base is made of Debian's own packages; BASE=docker.io/library/debian:12-slim takes that one.
# DIST=folder of the package, BUILDAH="buildah --storage-driver vfs". Leaves nothing but the image pointofcare-server:local.
set -euo pipefail
cd "$(dirname "$0")/../.."
read -ra buildah <<<"${BUILDAH:-buildah --storage-driver vfs}"
dist=${DIST:-dist}
package=$(ls "$dist"/pointofcare-server_*.deb 2>/dev/null || true)
[ "$(id -u)" = 0 ] || { echo "As root: the image is made in a chroot of its own." >&2; exit 2; }
[ -n "$package" ] || { echo "No package in $dist: make packages" >&2; exit 2; }
for program in "${buildah[0]}" curl $([ -n "${BASE:-}" ] || echo mmdebstrap); do
  command -v "$program" >/dev/null || { echo "Please install: apt-get install --no-install-recommends buildah curl mmdebstrap" >&2; exit 2; }
done

work=$(mktemp -d)
working=()
end() {
  # Of itself it ends with the program in it.
  [ -z "${server:-}" ] || { kill -- "-$server" 2>/dev/null && wait "$server" || true; }
  for one in "${working[@]}"; do "${buildah[@]}" rm "$one" >/dev/null || true; done
  rm -rf "$work"
}
trap end EXIT

base=${BASE:-localhost/debian:12-slim}
if [ -z "${BASE:-}" ] && ! "${buildah[@]}" inspect --type image "$base" >/dev/null 2>&1; then
  mmdebstrap --variant=minbase bookworm "$work/base.tar"
  empty=$("${buildah[@]}" from scratch)
  working+=("$empty")
  "${buildah[@]}" add -q "$empty" "$work/base.tar" /
  "${buildah[@]}" commit -q "$empty" "$base"
fi

mkdir -p "$work/context/dist" "$work/context/deploy"
cp "$package" "$work/context/dist/"
cp -r deploy/container "$work/context/deploy/"
"${buildah[@]}" build --isolation chroot --format docker --from "$base" -f "$work/context/deploy/container/Containerfile" -t pointofcare-server:local "$work/context"
"${buildah[@]}" inspect --type image --format '{{.Docker.Config.Healthcheck}}' pointofcare-server:local | grep -F ready.py >/dev/null || {
  echo "The image has no health check." >&2
  exit 1
}

# Settings, database and data as on a first day, of the user that the image names.
install -d -o 10001 -g 10001 -m 0700 "$work/settings" "$work/data"
made=$("${buildah[@]}" from pointofcare-server:local)
working+=("$made")
inside=("${buildah[@]}" run --isolation chroot --user 10001:10001)
inside+=(-v "$work/settings:/etc/pointofcare" -v "$work/data:/var/lib/pointofcare/server" "$made" -- /usr/bin/pointofcare-server)
settings=/etc/pointofcare/server.toml
"${inside[@]}" init --facility proof --data-dir /var/lib/pointofcare/server --config "$settings"
export POINTOFCARE_MQTT_ENABLED=false POINTOFCARE_HTTP_PORT=${PORT:-18080}
"${buildah[@]}" config --env POINTOFCARE_MQTT_ENABLED=false --env POINTOFCARE_HTTP_PORT="$POINTOFCARE_HTTP_PORT" "$made"
"${inside[@]}" migrate --config "$settings"
setsid "${inside[@]}" run --pages-apart --config "$settings" >"$work/log" 2>&1 &
server=$!
for _ in $(seq 120); do
  if curl -fs "http://127.0.0.1:$POINTOFCARE_HTTP_PORT/health" >"$work/health"; then
    echo "/health: $(cat "$work/health")"
    echo "/ready:  $(curl -s "http://127.0.0.1:$POINTOFCARE_HTTP_PORT/ready")"
    exit 0
  fi
  kill -0 "$server" 2>/dev/null || break
  sleep 0.5
done
cat "$work/log" >&2
echo "The server in the image does not answer." >&2
exit 1
