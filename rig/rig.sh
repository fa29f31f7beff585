#!/bin/sh
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# rig.sh BIN up --dir DIR [--quota N] [--st-quota N] [--governed N] [--profiles yes|no]
# rig.sh BIN down --dir DIR
#
# All three programs on this machine, on free loopback ports, over a fresh SoftHSM token, with two
# products (gateways that open CMS licenses, chips that take st-sfi ones), one real firmware, and one
# caller of each role; with --governed a third product, whose maker's three officers sign each
# change, two at a time, and have signed N units and N/10 for scrap. Unless --profiles is no, there is
# a product with an image for each other profile: docs/profiles/README.md. DIR/env tells tests, benchmarks
# and people where everything is. BIN is the folder with the programs. Everything lives in DIR and
# may be deleted after `down`; the next `up` on the same DIR starts afresh, with new keys and a new
# token.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
module=/usr/lib/softhsm/libsofthsm2.so
token=provisiond-rig
product=rig-gateway
st_product=rig-mcu
st_product_id=45002001
st_fwid=rig-mcu-fw
governed_product=rig-governed
profiles="cms suit mcuboot jwe esp-rsa" # a product rig-NAME each
callers="station operator auditor administrator metrics" # each is NAME-1, with DIR/tls/NAME.pem and .key
tunables=glibc.malloc.tcache_count=64 # as the units set them
policy='chrt --batch 0'                # likewise
$policy true 2>/dev/null || policy=    # not everywhere may a program choose
start_timeout_s=30
stop_timeout_s=10
programs="provisiond provision-vault provision-hsm" # in the order in which they stop
# What `up` makes in DIR. The file run-dir comes first and goes last: it says that the rest is ours.
made="tls device-ca st-ca maker public-keys ceremony.txt option-bytes.bin mcuboot tokens vault log run env port pin firmware.bin provisiond.conf softhsm2.conf
    provisiond.pid provision-vault.pid provision-hsm.pid run-dir"

die() {
    echo "rig: $*" >&2
    exit 1
}

usage() {
    echo "usage: ./dev rig up --dir DIR [--quota N] [--st-quota N] [--governed N] [--profiles yes|no] |" \
        "./dev rig down --dir DIR" >&2
    exit 64
}

# refuse_path PATH: what DIR/env or a configuration file cannot quote.
refuse_path() {
    case $1 in
    *[\'\;\#\"]* | *"
"*) die "a path must not hold quotes, semicolons, # or line ends: $1" ;;
    esac
}

# ---- the folder ----

enter_folder() {
    [ -d "$dir" ] || die "there is no folder $dir"
    dir=$(cd "$dir" && pwd -P)
    refuse_path "$dir"
}

# Removes what an earlier rig left, and nothing that a rig did not make.
clear_folder() {
    [ -f "$dir/run-dir" ] || [ -z "$(ls -A "$dir")" ] ||
        die "$dir is not empty and not from a rig; choose a folder that is empty or does not exist"
    for name in $programs; do
        ! is_running "$name" || die "$dir holds a running rig; first: ./dev rig down --dir '$dir'"
    done
    for name in $made; do
        [ -e "$dir/$name" ] || continue
        [ -f "$dir/run-dir" ] || die "$dir/$name is not from a rig; choose another folder"
        rm -rf "${dir:?}/$name"
    done
}

# ---- certificates ----

# new_key FILE
new_key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null ||
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

# new_ca NAME SUBJECT: NAME.key, NAME.pem
new_ca() {
    new_key "$1.key"
    openssl req -new -x509 -key "$1.key" -subj "$2" -days 3650 -out "$1.pem" \
        -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign"
}

# new_certificate NAME SUBJECT CA EXTENSIONS: NAME.key, NAME.pem
new_certificate() {
    new_key "$1.key"
    printf '%s\n' "$4" >"$1.ext"
    openssl req -new -key "$1.key" -subj "$2" |
        openssl x509 -req -CA "$3.pem" -CAkey "$3.key" -days 825 -extfile "$1.ext" \
            -out "$1.pem" 2>/dev/null
    rm "$1.ext"
}

# make_certificates: or, with RIG_CERTIFICATES=FOLDER, copies those that the first rig made and kept
# there. A run of tests starts a hundred rigs, each of which would make two dozen keys and
# certificates of its own.
make_certificates() {
    if [ -n "${RIG_CERTIFICATES:-}" ] && [ -d "$RIG_CERTIFICATES" ]; then
        cp -R "$RIG_CERTIFICATES/." "$dir"
        return 0
    fi
    make_new_certificates
    [ -z "${RIG_CERTIFICATES:-}" ] || keep_certificates
}

# Whoever comes first keeps his; the folder is there as a whole or not at all.
keep_certificates() {
    mkdir -p "$(dirname "$RIG_CERTIFICATES")"
    kept=$(mktemp -d "$RIG_CERTIFICATES.XXXXXX")
    cp -R "$dir/tls" "$dir/device-ca" "$dir/st-ca" "$kept"
    mv -T "$kept" "$RIG_CERTIFICATES" 2>/dev/null || rm -rf "$kept"
}

make_new_certificates() {
    mkdir -p "$dir/tls" "$dir/device-ca"
    new_ca "$dir/tls/ca" "/O=Rig/CN=Rig site CA"
    new_certificate "$dir/tls/server" "/O=Rig/CN=localhost" "$dir/tls/ca" \
        "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1
extendedKeyUsage=serverAuth
keyUsage=critical,digitalSignature"
    for name in $callers; do
        new_certificate "$dir/tls/$name" "/O=Rig/CN=$name-1" "$dir/tls/ca" \
            "extendedKeyUsage=clientAuth
keyUsage=critical,digitalSignature"
    done
    new_ca "$dir/device-ca/ca" "/O=Rig devices/CN=Rig device CA"
    mkdir -p "$dir/st-ca"
    new_key "$dir/st-ca/ca.key"
    openssl pkey -in "$dir/st-ca/ca.key" -pubout -out "$dir/st-ca/ca.pub.pem"
}

# ---- token and configuration ----

make_token() {
    mkdir -p "$dir/tokens"
    cat >"$dir/softhsm2.conf" <<EOF
directories.tokendir = $dir/tokens
objectstore.backend = file
log.level = ERROR
EOF
    SOFTHSM2_CONF=$dir/softhsm2.conf
    export SOFTHSM2_CONF
    # Without printf or argv: the PIN goes from the random device to its file and to the token.
    od -An -N 16 -tx1 /dev/urandom | tr -d ' \n' >"$dir/pin"
    "$bin/rig-token-init" "$module" "$token" <"$dir/pin"
}

# Socket paths have 107 bytes: a deep DIR gets its sockets elsewhere.
choose_run_dir() {
    run=$dir/run
    if [ ${#run} -gt 80 ]; then
        run=$(mktemp -d /tmp/provisiond-rig.XXXXXX)
    else
        mkdir -p "$run"
    fi
    echo "$run" >"$dir/run-dir"
}

# All callers of a rig come from one address, and tests ask faster than stations do.
write_config() {
    mkdir -p "$dir/vault" "$dir/log"
    cat >"$dir/provisiond.conf" <<EOF
[hsm]
module = $module
token = $token
socket = $run/hsm.sock
client_user = root
state = $dir

[vault]
socket = $run/station.sock
admin_socket = $run/admin.sock
ledger = $dir/vault/ledger.db
images = $dir/vault/images
checkpoint_interval_ms = 200

[api]
listen = 127.0.0.1:0
certificate = $dir/tls/server.pem
key = $dir/tls/server.key
client_ca = $dir/tls/ca.pem
connections = 1800
connections_per_address = 1800
handshakes_per_second = 100000
requests_per_second = 100000
request_burst = 100000
EOF
}

# ---- programs ----

# start NAME COMMAND...: in a session of its own, so that it outlives this script. A signal waits
# until the process id is written down: nobody could stop the program otherwise.
start() {
    name=$1
    shift
    trap 'is_interrupted=yes' INT TERM HUP
    GLIBC_TUNABLES=${GLIBC_TUNABLES-$tunables} setsid $policy "$@" >"$dir/log/$name.log" 2>&1 <"${stdin:-/dev/null}" &
    echo $! >"$dir/$name.pid"
    trap 'exit 1' INT TERM HUP
    [ -z "$is_interrupted" ] || exit 1
}

start_programs() {
    stdin=$dir/pin start provision-hsm "$bin/provision-hsm" --config "$dir/provisiond.conf" --pin-fd 0
    start provision-vault "$bin/provision-vault" --config "$dir/provisiond.conf"
    start provisiond "$bin/provisiond" --config "$dir/provisiond.conf" --port-file "$dir/port"
}

# is_running NAME: the number in a pid file may be another program's by now. It is ours when this
# script started it or when it reads this rig's configuration; the dead whom nobody reaped are not.
is_running() {
    { read -r pid <"$dir/$1.pid" && read -r stat <"/proc/$pid/stat"; } 2>/dev/null || return 1
    stat=${stat##*) } # state, parent, ...
    case $stat in
    [ZX]*) return 1 ;;
    "${stat%% *} $$ "*) return 0 ;;
    esac
    { tr '\0' '\n' <"/proc/$pid/cmdline" | grep -Fqx "$dir/provisiond.conf"; } 2>/dev/null
}

# One after the other: the vault's last word goes into the HSM.
stop_programs() {
    for name in $programs; do
        ! is_running "$name" || kill -TERM "$pid" 2>/dev/null || true
        tries=$((stop_timeout_s * 20))
        while is_running "$name" && [ $tries -gt 0 ]; do
            tries=$((tries - 1))
            sleep 0.05
        done
        ! is_running "$name" || kill -KILL "$pid" 2>/dev/null || true
    done
}

# wait_until WHAT COMMAND...
wait_until() {
    what=$1
    shift
    tries=$((start_timeout_s * 20))
    until "$@" >/dev/null 2>&1; do
        for name in $programs; do
            is_running "$name" || { tail -n 3 "$dir/log/$name.log" >&2 && die "$name did not start"; }
        done
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { tail -n 3 "$dir"/log/*.log >&2; die "$what took longer than ${start_timeout_s} s"; }
        sleep 0.05
    done
}

ctl() { "$bin/provctl" --config "$dir/provisiond.conf" "$@"; }

is_served() {
    [ "$(curl -s -o /dev/null -w '%{http_code}' --max-time 2 --cacert "$dir/tls/ca.pem" \
        --cert "$dir/tls/station.pem" --key "$dir/tls/station.key" "$url/readyz")" = 200 ]
}

# Until a worker is ready it is refused, and can be asked again.
initialise() {
    ctl hsm init --site rig --out-dir "$dir/public-keys" --json --officer "Rig Officer" \
        --witness "Rig Witness" --transcript "$dir/ceremony.txt" >"$dir/init.json"
}

# encrypt PRODUCT OPTION...: prints the new image's digest
encrypt() {
    for_product=$1
    shift
    if ! answer=$(ctl image encrypt --product "$for_product" --label micropython --json "$@" \
        2>"$dir/log/encrypt.log"); then
        cat "$dir/log/encrypt.log" >&2
        die "the image for $for_product was not encrypted"
    fi
    printf '%s' "$answer" | sed -n 's/.*"image": *"\(sha256:[0-9a-f]*\)".*/\1/p'
}

# A chip whose boot ROM takes st-sfi images; the session keys of these pass through a worker's memory.
set_up_chips() {
    ctl product create $st_product --profile st-sfi --st-product-id $st_product_id \
        --allow-session-key-exposure --anchors "$dir/st-ca/ca.pub.pem" --quota "$st_quota" >/dev/null
    printf 'rig option bytes: closed, debug off' >"$dir/option-bytes.bin"
    st_image=$(encrypt $st_product --format st-sfi --address 0x08000000 \
        --option-bytes "$dir/option-bytes.bin" "$dir/firmware.bin")
    ctl image alias "$st_image" $st_fwid --product $st_product >/dev/null
}

# ---- a product of each other profile, for every kind of key that it serves ----

keys_of() {
    case $1 in
    cms) echo p256,p384,rsa ;;
    suit) echo p256 ;;
    mcuboot) echo p256,x25519,rsa ;;
    jwe) echo p256,p384 ;;
    esp-rsa) echo rsa ;;
    esac
}

# Signed as MCUboot wants it, with a key of the rig's own.
make_mcuboot_image() {
    mkdir -p "$dir/mcuboot"
    new_key "$dir/mcuboot/sign.key"
    "$here/mcuboot.sh" "$dir/mcuboot/sign.key" "$dir/firmware.bin" 4 "$dir/mcuboot/signed.bin"
}

# set_up_profile NAME: sets NAME_image, with _ for -
set_up_profile() {
    exposure=
    clear=$dir/firmware.bin
    [ "$1" != mcuboot ] || exposure=--allow-session-key-exposure
    [ "$1" != mcuboot ] || clear=$dir/mcuboot/signed.bin
    ctl product create "rig-$1" --profile "$1" --device-keys "$(keys_of "$1")" $exposure \
        --anchors "$dir/device-ca/ca.pem" --quota "$quota" >/dev/null
    of_profile=$(encrypt "rig-$1" --format "$1" "$clear")
    eval "$(echo "$1" | tr - _)_image=\$of_profile"
}

set_up_profiles() {
    make_mcuboot_image
    for name in $profiles; do set_up_profile "$name"; done
}

# write_profile NAME CLEAR
write_profile() {
    word=$(echo "$1" | tr - _)
    upper=$(echo "$word" | tr a-z A-Z)
    eval "of_profile=\$${word}_image"
    cat <<EOF
RIG_${upper}_PRODUCT='rig-$1'
RIG_${upper}_IMAGE='$of_profile'
RIG_${upper}_IMAGE_FILE='$dir/vault/images/${of_profile#sha256:}'
RIG_${upper}_FIRMWARE='$2'
EOF
}

write_profiles() {
    for name in $profiles; do
        clear=$dir/firmware.bin
        [ "$name" != mcuboot ] || clear=$dir/mcuboot/signed.bin
        write_profile "$name" "$clear"
    done
    echo "RIG_MCUBOOT_SIGNING_KEY='$dir/mcuboot/sign.key'"
}

# ---- a product that its maker governs ----

# new_officer N: a certificate that signs documents
new_officer() {
    new_key "$dir/maker/officer-$1.key"
    openssl req -new -x509 -key "$dir/maker/officer-$1.key" -subj "/O=Rig maker/CN=Officer $1" \
        -days 3650 -out "$dir/maker/officer-$1.pem" -addext "keyUsage=critical,digitalSignature"
}

# sign_document FILE: two officers sign FILE.json into FILE.p7s
sign_document() {
    openssl cms -sign -nodetach -binary -outform DER -in "$1.json" -out "$1.p7s" \
        -signer "$dir/maker/officer-1.pem" -inkey "$dir/maker/officer-1.key" \
        -signer "$dir/maker/officer-2.pem" -inkey "$dir/maker/officer-2.key"
}

# apply_document NAME OPTION...: writes, signs and applies a document of the maker
apply_document() {
    document=$dir/maker/$1
    shift
    "$bin/provctl" grant new --product $governed_product --site rig --hsm "$hsm_id" \
        --out "$document.json" "$@" >/dev/null
    sign_document "$document"
    ctl grant apply "$document.p7s" >/dev/null
}

set_up_governed() {
    mkdir -p "$dir/maker"
    for n in 1 2 3; do new_officer $n; done
    cat "$dir"/maker/officer-[123].pem >"$dir/maker/authorities.pem"
    apply_document policy-1 --kind policy --sequence 1 --profile cms --anchors "$dir/device-ca/ca.pem" \
        --authorities "$dir/maker/authorities.pem" --threshold 2
    apply_document install-1 --kind install --units "$governed"
    [ "$governed" -lt 10 ] || apply_document scrap-1 --kind scrap --units $((governed / 10))
    governed_image=$(encrypt $governed_product "$dir/firmware.bin")
}

set_up() {
    "$here/firmware.sh" "$dir/firmware.bin"
    hsm_id=$(sed -n 's/.*"hsm_identity": *"\([0-9a-f]*\)".*/\1/p' "$dir/init.json")
    ctl product create $product --anchors "$dir/device-ca/ca.pem" --quota "$quota" >/dev/null
    image=$(encrypt $product "$dir/firmware.bin")
    set_up_chips
    [ "$profiles_wanted" = no ] || set_up_profiles
    [ "$governed" = 0 ] || set_up_governed
    enrol_callers
}

enrol_callers() {
    for name in $callers; do
        ctl "$name" add "$name-1" --certificate "$dir/tls/$name.pem" >/dev/null
    done
}

write_env() {
    cat >"$dir/env" <<EOF
RIG_URL='$url'
RIG_CA='$dir/tls/ca.pem'
RIG_STATION_CERT='$dir/tls/station.pem'
RIG_STATION_KEY='$dir/tls/station.key'
RIG_OPERATOR_CERT='$dir/tls/operator.pem'
RIG_OPERATOR_KEY='$dir/tls/operator.key'
RIG_AUDITOR_CERT='$dir/tls/auditor.pem'
RIG_AUDITOR_KEY='$dir/tls/auditor.key'
RIG_ADMIN_CERT='$dir/tls/administrator.pem'
RIG_ADMIN_KEY='$dir/tls/administrator.key'
RIG_METRICS_CERT='$dir/tls/metrics.pem'
RIG_METRICS_KEY='$dir/tls/metrics.key'
RIG_DEVICE_CA_CERT='$dir/device-ca/ca.pem'
RIG_DEVICE_CA_KEY='$dir/device-ca/ca.key'
RIG_PRODUCT='$product'
RIG_IMAGE='$image'
RIG_IMAGE_FILE='$dir/vault/images/${image#sha256:}'
RIG_FIRMWARE='$dir/firmware.bin'
RIG_ST_PRODUCT='$st_product'
RIG_ST_PRODUCT_ID='$st_product_id'
RIG_ST_CA_KEY='$dir/st-ca/ca.key'
RIG_ST_IMAGE='$st_image'
RIG_ST_IMAGE_FILE='$dir/vault/images/${st_image#sha256:}'
RIG_ST_FIRMWARE='$dir/firmware.bin'
RIG_ST_OPTION_BYTES='$dir/option-bytes.bin'
RIG_ST_FWID='$st_fwid'
RIG_HSM_MODULE='$module'
RIG_TOKEN='$token'
RIG_PIN_FILE='$dir/pin'
RIG_VAULT_SOCKET='$run/station.sock'
RIG_ADMIN_SOCKET='$run/admin.sock'
RIG_LEDGER='$dir/vault/ledger.db'
RIG_CONFIG='$dir/provisiond.conf'
RIG_SOFTHSM2_CONF='$dir/softhsm2.conf'
RIG_BIN='$bin'
RIG_SITE='rig'
RIG_HSM_ID='$hsm_id'
RIG_CHECKPOINT_KEY='$dir/public-keys/checkpoint.pub.pem'
EOF
    [ "$profiles_wanted" = no ] || write_profiles >>"$dir/env"
    [ "$governed" = 0 ] || cat >>"$dir/env" <<EOF
RIG_GOVERNED_PRODUCT='$governed_product'
RIG_GOVERNED_IMAGE='$governed_image'
RIG_GOVERNED_IMAGE_FILE='$dir/vault/images/${governed_image#sha256:}'
RIG_MAKER_DIR='$dir/maker'
RIG_AUTHORITIES='$dir/maker/authorities.pem'
EOF
}

# check_number OPTION VALUE
check_number() {
    case $2 in
    "" | *[!0-9]*) echo "rig: $1 is a number of devices, 0 or more" >&2 && exit 64 ;;
    esac
}

rig_up() {
    [ "$st_quota" != same ] || st_quota=$quota
    check_number --quota "$quota"
    check_number --st-quota "$st_quota"
    check_number --governed "$governed"
    case $profiles_wanted in yes | no) ;; *) echo "rig: --profiles is yes or no" >&2 && exit 64 ;; esac
    refuse_path "$bin"
    refuse_path "$dir"
    umask 077
    mkdir -p "$dir"
    enter_folder
    clear_folder
    choose_run_dir
    trap 'clean_up' EXIT # a rig that does not come up leaves nothing running
    trap 'exit 1' INT TERM HUP
    make_certificates
    make_token
    write_config
    start_programs
    wait_until "provisiond's start" test -s "$dir/port"
    url=https://127.0.0.1:$(cat "$dir/port")
    mkdir -p "$dir/public-keys"
    wait_until "the HSM" initialise
    set_up
    wait_until "the service" is_served
    write_env
    trap - EXIT
    echo "rig: up at $url; everything is in $dir, begin with: . '$dir/env'"
}

# A second Ctrl-C shall not leave half of the programs running.
clean_up() {
    trap '' INT TERM HUP
    stop_programs
    case "$(cat "$dir/run-dir" 2>/dev/null)" in
    /tmp/provisiond-rig.*) rm -rf "$(cat "$dir/run-dir")" ;;
    esac
    for name in $programs; do
        rm -f "$dir/$name.pid"
    done
    rm -f "$dir/env" "$dir/port"
}

rig_down() {
    enter_folder
    [ -f "$dir/run-dir" ] || die "there is no rig in $dir"
    clean_up
    echo "rig: down; what it made in $dir (keys and PIN too) is still there"
}

[ $# -ge 2 ] || usage
bin=$1
verb=$2
shift 2
dir=
quota=10000
st_quota=same
governed=0
profiles_wanted=yes
hsm_id=
governed_image=
is_interrupted=
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || usage
    case $1 in
    --dir) dir=$2 ;;
    --quota) quota=$2 ;;
    --st-quota) st_quota=$2 ;;
    --governed) governed=$2 ;;
    --profiles) profiles_wanted=$2 ;;
    *) usage ;;
    esac
    shift 2
done
[ -n "$dir" ] || usage
case $verb in
up) rig_up ;;
down) rig_down ;;
*) usage ;;
esac
