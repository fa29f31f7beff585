# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
#
# What the maker of a governed product does, for shell lines of the end-to-end tests. Sourced after
# the rig's env, with BIN, DIR and SOURCE set.

ctl() { "$BIN/provctl" --config "$RIG_CONFIG" "$@"; }

rest() { # rest METHOD PATH CURL-OPTION...: prints status and body; an operator brings documents
    method=$1 path=$2
    shift 2
    case $path in
    /v1/grants) set -- --cert "$RIG_OPERATOR_CERT" --key "$RIG_OPERATOR_KEY" "$@" ;;
    *) set -- --cert "$RIG_STATION_CERT" --key "$RIG_STATION_KEY" "$@" ;;
    esac
    curl -s -w '%{http_code}\n' --max-time 20 --cacert "$RIG_CA" -X "$method" "$@" "$RIG_URL$path"
}

# new_document NAME OPTION...: $RIG_MAKER_DIR/NAME.json, for this rig unless the options say else
new_document() {
    name=$1
    shift
    rm -f "$RIG_MAKER_DIR/$name.json"
    case " $* " in *" --hsm "*) ;; *) set -- --hsm "$RIG_HSM_ID" "$@" ;; esac
    case " $* " in *" --site "*) ;; *) set -- --site "$RIG_SITE" "$@" ;; esac
    case " $* " in *" --product "*) ;; *) set -- --product "$RIG_GOVERNED_PRODUCT" "$@" ;; esac
    "$BIN/provctl" grant new --out "$RIG_MAKER_DIR/$name.json" "$@" >/dev/null
}

# sign NAME [-nocerts] OFFICER...: $RIG_MAKER_DIR/NAME.p7s
sign() {
    document=$RIG_MAKER_DIR/$1
    shift
    signers=
    for officer in "$@"; do
        case $officer in -*) signers="$signers $officer" && continue ;; esac
        signers="$signers -signer $RIG_MAKER_DIR/$officer.pem -inkey $RIG_MAKER_DIR/$officer.key"
    done
    # shellcheck disable=SC2086
    openssl cms -sign -nodetach -binary -outform DER -in "$document.json" -out "$document.p7s" $signers
}

# apply NAME: by the admin socket; what is said goes to $DIR/said
apply() { ctl grant apply "$RIG_MAKER_DIR/$1.p7s" >"$DIR/said" 2>&1; }

# refused NAME REASON: apply fails, and the words are those of the reason
refused() {
    if apply "$1"; then
        echo "accepted: $1" >&2
        return 1
    fi
    ctl grant apply "$RIG_MAKER_DIR/$1.p7s" --json >"$DIR/said.json" 2>&1 || true
    grep -q "$2" "$DIR/said" "$DIR/said.json" || {
        cat "$DIR/said" >&2
        return 1
    }
}

# grant NAME OPTION...: written, signed by two officers, applied
grant() {
    new_document "$@" && sign "$1" officer-1 officer-2 && apply "$1" || {
        cat "$DIR/said" >&2
        return 1
    }
}

# usage_is PRODUCT MEMBER VALUE
usage_is() {
    found=$(ctl usage "$1" --json | jq ".$2")
    [ "$found" = "$3" ] || {
        echo "$1: $2 is $found, not $3" >&2
        return 1
    }
}

# verified OPTION...: export now, and the verdict of the offline verification
verified() {
    rm -f "$DIR/export"
    ctl journal export --out "$DIR/export" >/dev/null &&
        "$BIN/provctl" journal verify "$DIR/export" --key "$RIG_CHECKPOINT_KEY" "$@" >"$DIR/said" 2>&1
}
