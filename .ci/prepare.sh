#!/usr/bin/env bash
# Brings what test/real needs and npm does not: a real server, PyMongo, the built Go, Java and C programs, tshark. All but
# Debian's packages lands in one cache folder outside the checkout (WEIR_CACHE, default ~/.cache/weir); what is there
# already is not made again. It changes nothing in the checkout. Invariant: a second run takes seconds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

CACHE="${WEIR_CACHE:-$HOME/.cache/weir}"
SECANTUS=0.5.3-beta.193
PYMONGO=4.20.0
SECANTUS_PY=0.7.0b3
PYTHON_SNAPPY=0.7.3
BACKPORTS_ZSTD=1.8.0
JAVA_DRIVER=5.14.0
JAVA_SNAPPY=1.1.10.12
JAVA_ZSTD=1.5.7-28
PATH="$HOME/.cargo/bin:$PATH"
mkdir -p "$CACHE"

need() { # need COMMAND WHAT
  command -v "$1" >/dev/null || { echo "prepare: $1 is missing: install $2 and run this again" >&2; exit 1; }
}

debian_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  need apt-get "the packages ${missing[*]}"
  [ "$(id -u)" -eq 0 ] || { echo "prepare: as root: apt-get install ${missing[*]}" >&2; exit 1; }
  echo "installing ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

server() {
  local root="$CACHE/secantus-mdb-$SECANTUS"
  if [ ! -x "$root/bin/secantusd-rs" ]; then
    need cargo "Rust 1.90 or newer"
    debian_packages cmake ninja-build clang libclang-dev
    cargo install secantus-mdb --version "$SECANTUS" --locked --ignore-rust-version --root "$root"
  fi
  "$root/bin/secantusd-rs" --version
}

python() {
  local venv="$CACHE/venv-pymongo-$PYMONGO"
  if ! "$venv/bin/python" -c "import pymongo; assert pymongo.version == '$PYMONGO'" 2>/dev/null; then
    need python3 "Python 3.11 or newer"
    python3 -c 'import ensurepip' 2>/dev/null || debian_packages python3-venv
    python3 -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet "SecantusDB==$SECANTUS_PY" "pymongo==$PYMONGO"
  fi
  # PyMongo compresses with what it can import; a venv of an older preparation lacks these.
  "$venv/bin/python" -c 'import snappy; from backports import zstd' 2>/dev/null ||
    "$venv/bin/python" -m pip install --quiet "python-snappy==$PYTHON_SNAPPY" "backports.zstd==$BACKPORTS_ZSTD"
  "$venv/bin/python" -c 'import pymongo; print("PyMongo", pymongo.version)'
}

go_program() {
  need go "Go 1.25 or newer"
  (cd test/real/drivers/go && go build -buildvcs=false -o "$CACHE/driver-go/program" .)
  # The harness refuses a program older than its sources; an unchanged build does not touch the file.
  touch "$CACHE/driver-go/program"
  go version
}

java_program() {
  need javac "a JDK 17 or newer"
  need mvn "Maven"
  local root="$CACHE/driver-java" lib="$CACHE/driver-java/lib"
  if ! ls "$lib/mongodb-driver-sync-$JAVA_DRIVER.jar" "$lib/snappy-java-$JAVA_SNAPPY.jar" "$lib/zstd-jni-$JAVA_ZSTD.jar" \
    >/dev/null 2>&1; then
    mvn -q -B -f test/real/drivers/java/pom.xml dependency:copy-dependencies -DoutputDirectory="$lib"
  fi
  rm -rf "$root/classes"
  javac -cp "$lib/*" -d "$root/classes" test/real/drivers/java/*.java
  java -version 2>&1 | head -1
}

c_program() {
  debian_packages gcc libc6-dev pkg-config libmongoc-dev
  local flags
  mkdir -p "$CACHE/driver-c"
  read -r -a flags <<<"$(pkg-config --cflags --libs libmongoc-1.0)"
  gcc -O1 -Wall -Wextra -Werror -o "$CACHE/driver-c/program" test/real/drivers/c/*.c "${flags[@]}"
  echo "libmongoc $(pkg-config --modversion libmongoc-1.0)"
}

judge() { # tshark and dumpcap, for tshark.test.ts and capture.test.ts
  command -v tshark >/dev/null && command -v dumpcap >/dev/null || debian_packages tshark
  tshark --version 2>/dev/null | sed -n 1p
}

server
python
go_program
java_program
c_program
judge
