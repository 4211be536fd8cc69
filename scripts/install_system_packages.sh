#!/usr/bin/env bash
# Installs what the tests use beyond Python packages, on Debian and Ubuntu: GStreamer's RTSP server
# with its Python bindings (a real camera stream), Chromium (a real browser), Xvfb (a screen) and
# Mosquitto (an MQTT broker). The system itself needs none of it. Run as root, or with a sudo that
# asks no password.
set -euo pipefail

packages=(
    make
    python3-venv
    python3-gi
    gir1.2-gst-plugins-base-1.0   # appsrc's bindings
    gir1.2-gst-rtsp-server-1.0
    gstreamer1.0-plugins-base
    gstreamer1.0-plugins-good     # rtph264pay
    gstreamer1.0-plugins-bad      # h264parse
    chromium
    xvfb                          # a screen for the window
    mosquitto
    redis-server                  # of Debian 12, too old: to see it refused
)

is_installed() {
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

missing=()
for package in "${packages[@]}"; do
    is_installed "$package" || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
    echo "System packages: all there."
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "expected apt-get (Debian, Ubuntu), found none; by hand: ${missing[*]}" >&2
    exit 1
fi

as_root=()
if ((EUID != 0)); then
    as_root=(sudo -n)
fi
echo "System packages: installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -qq --yes --no-install-recommends "${missing[@]}" >/dev/null
