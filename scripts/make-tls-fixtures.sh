#!/usr/bin/env bash
# Makes fixtures/tls anew: self-signed certificates and their keys, for tests that must not need openssl.
# Not part of any check; run it by hand, with OpenSSL 3, when a test wants another certificate. The keys open nothing anywhere.
# Validity is fixed (100 years, but for the expired one), so that no machine's clock matters.
set -euo pipefail

target=$(cd "$(dirname "$0")/../fixtures" && pwd)/tls
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$target"
cd "$work"

cat > ca.cnf <<CONFIG
[ca]
default_ca = fixtures
[fixtures]
new_certs_dir = .
database = index
rand_serial = yes
default_md = sha256
policy = names
copy_extensions = copy
unique_subject = no
[names]
commonName = supplied
CONFIG
: > index

# make_key NAME
make_key() {
  openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out "$target/$1.key"
}

# make_certificate NAME KEY SUBJECT_ALT_NAMES FIRST_DAY LAST_DAY
make_certificate() {
  openssl req -new -key "$target/$2.key" -subj "/CN=$1" -addext "subjectAltName=$3" -out request
  openssl ca -config ca.cnf -batch -notext -selfsign -keyfile "$target/$2.key" -in request \
    -startdate "${4}000000Z" -enddate "${5}000000Z" -out "$target/$1.pem" 2> log || { cat log >&2; exit 1; }
}

for name in good other client stranger; do make_key "$name"; done
make_certificate good good DNS:localhost,IP:127.0.0.1 20200101 21200101
make_certificate other other DNS:elsewhere.example 20200101 21200101
make_certificate client client DNS:weir 20200101 21200101
make_certificate stranger stranger DNS:stranger 20200101 21200101
make_certificate expired good DNS:localhost,IP:127.0.0.1 20200101 20210101

# The two forms in which keys are locked; the passphrase is what tests look for where no secret may be.
openssl pkcs8 -topk8 -in "$target/good.key" -out "$target/good-locked.key" -passout pass:hunter2
openssl ec -aes256 -in "$target/client.key" -out "$target/client-locked.key" -passout pass:hunter2 2> log
ls "$target"
