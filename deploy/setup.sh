#!/usr/bin/env bash
# Makes the environment: `setup.sh run` what the programs and the demo need, `setup.sh test` what the tests need on top,
# `setup.sh gnuhealth` a GNU Health HIS to play with, which is among what the tests need too, `setup.sh province` the engines of `make province`.
# With root or sudo it installs missing system packages; otherwise it says in one line what to install.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-run}

missing=()
need_library() { PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null | grep "$1" >/dev/null || missing+=("$2"); }
need_program() { command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }

# what the camera and the barcode readers link to, and a font with Vietnamese letters
need_library libGL.so.1 libgl1
need_library libgthread-2.0.so.0 libglib2.0-0
need_library libxcb.so.1 libxcb1
need_library libzbar.so.0 libzbar0
# what the printed forms are set with
need_library libpango-1.0.so.0 libpango-1.0-0
need_library libpangoft2-1.0.so.0 libpangoft2-1.0-0
need_library libharfbuzz-subset.so.0 libharfbuzz-subset0
[ -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || missing+=(fonts-dejavu-core)
if [ ! -x .venv/bin/python ]; then
  need_program python3 python3
  python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
fi
if [ "$what" = test ]; then
  [ -x /usr/sbin/mosquitto ] || need_program mosquitto mosquitto
  need_program mosquitto_sub mosquitto-clients
  need_program chromium chromium
  need_program pdfsig poppler-utils
  need_program curl curl
  # the packages of a real installation: their proxy, their units, and the interpreter that they run on
  [ -x /usr/sbin/nginx ] || need_program nginx nginx
  need_program systemd-analyze systemd
  need_program dpkg-deb dpkg
  [ -x /usr/bin/python3.11 ] || missing+=(python3)
  # Zephyr's own SMP servers: in QEMU, and as programs of 32 bits
  need_program qemu-system-arm qemu-system-arm
  need_program setpriv util-linux
  [ -e /lib/ld-linux.so.2 ] || [ -e /lib32/ld-linux.so.2 ] || missing+=(libc6-i386)
  [ -e /usr/lib32/libgcc_s.so.1 ] || [ -e /usr/lib/i386-linux-gnu/libgcc_s.so.1 ] || missing+=(lib32gcc-s1)
  if [ "$(id -u)" = 0 ]; then ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing+=(postgresql); fi
  need_program pgbackrest pgbackrest
fi

if [ "$what" = long ]; then
  need_program systemd-nspawn systemd-container # machines that boot
  need_program cage cage # the cart's screen, and what Debian's cage needs without saying so
  need_program Xwayland xwayland
fi

if [ "$what" = province ]; then
  # 27 MB: a database that changes its primary by itself, and what it needs
  ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing+=(postgresql)
  need_program patroni patroni
  need_program etcd etcd-server
  [ -x /usr/sbin/pgbouncer ] || need_program pgbouncer pgbouncer
  python3 -c 'import etcd' 2>/dev/null || [ -d /usr/lib/python3/dist-packages/etcd ] || missing+=(python3-etcd)
fi

if [ ${#missing[@]} -gt 0 ]; then
  as_root=()
  if [ "$(id -u)" != 0 ]; then
    if sudo -n true 2>/dev/null; then as_root=(sudo); else
      echo "Please install: sudo apt-get install --no-install-recommends ${missing[*]}" >&2
      exit 1
    fi
  fi
  echo "Installing system packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  log=$(mktemp)
  if ! { "${as_root[@]}" apt-get update -q && "${as_root[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "Could not install; please run: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  rm -f "$log"
fi

python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || [ -x .venv/bin/python ] || {
  echo "Python 3.11 or newer is needed; this is $(python3 --version)" >&2
  exit 1
}
if [ -x .venv/bin/python ] && [ ! -x .venv/bin/uv ] && ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
  rm -rf .venv # made by another tool, without an installer in it
fi
if [ ! -x .venv/bin/python ]; then
  echo "Making the environment in .venv"
  python3 -m venv .venv
fi
if [ ! -e .venv/.installed ] || [ requirements.lock -nt .venv/.installed ] || [ pyproject.toml -nt .venv/.installed ]; then
  echo "Installing the locked packages"
  [ -x .venv/bin/uv ] || .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r deploy/uv-requirements.txt
  .venv/bin/uv pip sync -q --compile-bytecode --require-hashes requirements.lock --python .venv/bin/python
  .venv/bin/uv pip install -q --python .venv/bin/python --no-deps --no-build-isolation -e .
fi
if [ "$what" = test ] || [ "$what" = gnuhealth ]; then
  # another project's hospital system, which must share no package with ours
  if [ ! -e .venv-gnuhealth/.installed ] || [ deploy/gnuhealth-requirements.txt -nt .venv-gnuhealth/.installed ]; then
    echo "Installing GNU Health in .venv-gnuhealth"
    .venv/bin/uv venv -q --clear --python .venv/bin/python .venv-gnuhealth
    .venv/bin/uv pip sync -q --compile-bytecode --require-hashes deploy/gnuhealth-requirements.txt --python .venv-gnuhealth/bin/python
    touch .venv-gnuhealth/.installed
  fi
fi
if [ "$what" = test ] && ! command -v promtool >/dev/null && [ ! -x .venv/bin/promtool ]; then
  # one program of 46 MB out of a package of 19 MB, which would start a service on a port of its own
  echo "Fetching promtool into .venv"
  prometheus=$(mktemp -d)
  if ! (cd "$prometheus" && apt-get download -q prometheus && dpkg-deb -x prometheus_*.deb .) >"$prometheus/log" 2>&1; then
    tail -n 5 "$prometheus/log" >&2
    rm -rf "$prometheus"
    echo "Could not fetch promtool; please run: apt-get update, then this again, or apt-get install --no-install-recommends prometheus" >&2
    exit 1
  fi
  install -m 0755 "$prometheus/usr/bin/promtool" .venv/bin/promtool
  rm -rf "$prometheus"
fi
if [ "$what" = test ]; then
  servers=deploy/smp-servers-requirements.txt
  if [ ! -e .smp-servers/.installed ] || [ "$servers" -nt .smp-servers/.installed ]; then
    echo "Fetching Zephyr's SMP servers into .smp-servers"
    fetched=$(mktemp -d)
    trap 'rm -rf "$fetched"' EXIT
    if ! {
      .venv/bin/uv venv -q --python .venv/bin/python "$fetched/tools" &&
        .venv/bin/uv pip sync -q --require-hashes deploy/sdist-tools-requirements.txt --python "$fetched/tools/bin/python" &&
        "$fetched/tools/bin/python" -m pip download -q --disable-pip-version-check --no-deps --no-binary smpclient \
          --no-build-isolation --require-hashes -r "$servers" -d "$fetched"
    } >"$fetched/log" 2>&1; then
      tail -n 20 "$fetched/log" >&2
      echo "The package index does not give the source distribution of $(grep -o '^smpclient==[0-9.]*' "$servers")." >&2
      echo "Point PIP_INDEX_URL and UV_DEFAULT_INDEX at an index that keeps source distributions and run this again." >&2
      exit 1
    fi
    mkdir "$fetched/servers"
    tar -xzf "$fetched"/smpclient-*.tar.gz -C "$fetched/servers" --strip-components=4 --no-same-owner --wildcards '*/tests/fixtures/smp-server/*'
    chmod +x "$fetched"/servers/*.exe
    rm -rf .smp-servers
    mv "$fetched/servers" .smp-servers
    touch .smp-servers/.installed
  fi
fi
