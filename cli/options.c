/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The table of options. Owns no state. */
#include "cli/options.h"

#include <stdio.h>

/* What the services take, checked here so that a wrong line never reaches them. */
#define TEXT_BYTES   64
#define DETAIL_BYTES 256

const struct option_row OPTION_ROWS[OPTION_COUNT] = {
    [OPTION_HELP] = {"help", NULL, NULL, "explain this command"},
    [OPTION_JSON] = {"json", NULL, NULL, "print one JSON object, for machines"},
    [OPTION_SOCKET] = {"socket", "PATH", NULL, "the vault's admin socket"},
    [OPTION_CONFIG] = {"config", "FILE", NULL, "configuration that names the admin socket"},
    [OPTION_URL] = {"url", "URL", "PROVCTL_URL", "address of provisiond, https://HOST[:PORT]"},
    [OPTION_CA] = {"ca", "FILE", "PROVCTL_CA", "PEM, who signs the server's certificate"},
    [OPTION_CERT] = {"cert", "FILE", "PROVCTL_CERT", "PEM, the caller's certificate"},
    [OPTION_KEY] = {"key", "FILE", "PROVCTL_KEY", "PEM, its private key, not encrypted"},
    [OPTION_TIMEOUT] = {"timeout", "SECONDS", NULL, "time for all tries together (default 30)"},
    [OPTION_SITE] = {"site", "NAME", NULL, "name of this site, for ever in its journal"},
    [OPTION_OUT_DIR] = {"out-dir", "DIR", NULL,
                        "write checkpoint.pub.pem and transport.pub.pem there"},
    [OPTION_ANCHORS] = {"anchors", "FILE", NULL, "PEM, its devices' CAs (st-sfi: public keys)"},
    [OPTION_QUOTA] = {"quota", "N", NULL, "units granted to begin with"},
    [OPTION_PROFILE] = {"profile", "NAME", NULL, "form of the licenses: cms (default) or st-sfi"},
    [OPTION_ST_PRODUCT_ID] = {"st-product-id", "ID", NULL,
                              "chip ID and security counter, 8 hex digits"},
    [OPTION_ST_SIGNED] = {"st-signed", "PARTS", NULL,
                          "what ST's key signs: id-and-key (default), key"},
    [OPTION_ST_KDF_INFO] = {"st-kdf-info", "HEX", NULL, "shared info of the KDF, 1 to 64 bytes"},
    [OPTION_ST_KDF_LAYOUT] = {"st-kdf-layout", "KEY,IV,BYTES", NULL,
                              "offsets of key and IV, bytes of IV (0,16,12)"},
    [OPTION_ST_LICENSE_TYPE] = {"st-license-type", "TEXT", NULL,
                                "first 4 characters of a license (SFI.)"},
    [OPTION_ST_BOOT_VERSION] = {"st-boot-version", "N", NULL,
                                "minimum version of the first boot stage (0)"},
    [OPTION_ALLOW_SESSION_KEY_EXPOSURE] = {"allow-session-key-exposure", NULL, NULL,
                                           "let session keys be in this server's memory"},
    [OPTION_UNITS] = {"units", "N", NULL, "how many units"},
    [OPTION_PRODUCT] = {"product", "NAME", "PROVCTL_PRODUCT", "the product"},
    [OPTION_LABEL] = {"label", "TEXT", NULL, "the maker's version, e.g. 1.4.2"},
    [OPTION_FORMAT] = {"format", "NAME", NULL, "form of the image: cms (default) or st-sfi"},
    [OPTION_OPTION_BYTES] = {"option-bytes", "FILE", NULL,
                             "st-sfi: the chip's option bytes, 1 to 4096"},
    [OPTION_ADDRESS] = {"address", "ADDR", NULL, "st-sfi: FILE is a flat binary for this address"},
    [OPTION_EXTERNAL_FROM] = {"external-from", "ADDR", NULL,
                              "st-sfi: external flash from this address on"},
    [OPTION_CERTIFICATE] = {"certificate", "FILE", NULL, "PEM, its TLS certificate"},
    [OPTION_DEVICE_CERT] = {"device-cert", "FILE", NULL, "PEM chain of the device; - is stdin"},
    [OPTION_ST_CERTIFICATE] = {"st-certificate", "FILE", NULL,
                               "certificate as an ST chip gave it; - is stdin"},
    [OPTION_OUT] = {"out", "FILE", NULL, "file to write, whole or not at all"},
    [OPTION_IMAGE] = {"image", "DIGEST", NULL, "sha256:..., or latest (the default)"},
    [OPTION_LOT] = {"lot", "TEXT", NULL, "lot, for the record"},
    [OPTION_LINE] = {"line", "TEXT", NULL, "line, for the record"},
    [OPTION_WORK_ORDER] = {"work-order", "TEXT", NULL, "work order, for the record"},
    [OPTION_OPERATOR] = {"operator", "TEXT", NULL, "operator, for the record"},
    [OPTION_SOCKET_NAME] = {"socket-name", "TEXT", NULL,
                            "socket of the programmer, for the record"},
    [OPTION_CODE] = {"code", "TEXT", NULL, "the tool's error code"},
    [OPTION_DETAIL] = {"detail", "TEXT", NULL, "what happened, in words"},
    [OPTION_DEVICE_RECEIPT] = {"device-receipt", "FILE", NULL,
                               "DER, the device's signature over INSTALL_ID"},
    [OPTION_POLICY] = {"policy", "NAME", NULL, "a unit pays per-device (default) or per-license"},
    [OPTION_ATTEMPTS_MAX] = {"attempts-max", "N", NULL, "attempts per device (default: no limit)"},
    [OPTION_SCRAP] = {"scrap", NULL, NULL, "add to the scrap allowance instead"},
    [OPTION_STATION] = {"station", "NAME", NULL, "one station (default: all together)"},
    [OPTION_PERIOD] = {"period", "TIME", NULL, "length of a period: 8h, 30m, 7d"},
    [OPTION_OFFSET] = {"offset", "TIME", NULL, "when the first period of a day begins, UTC (0h)"},
    [OPTION_SERIAL] = {"serial", "TEXT", NULL, "the device's serial number"},
    [OPTION_OLD_KEY] = {"old-key", "HEX", NULL, "SHA-256 of the old key's SubjectPublicKeyInfo"},
    [OPTION_NEW_KEY] = {"new-key", "HEX", NULL, "SHA-256 of the new key's SubjectPublicKeyInfo"},
    [OPTION_KIND] = {"kind", "NAME", NULL, "install, scrap, revoke, policy, rebind or override"},
    [OPTION_HSM] = {"hsm", "HEX", NULL, "the HSM's identity, as provctl status shows it"},
    [OPTION_SEQUENCE] = {"sequence", "N", NULL, "number of a policy or rebind, 1 for the first"},
    [OPTION_AUTHORITIES] = {"authorities", "FILE", NULL, "PEM, certificates of all who may sign"},
    [OPTION_THRESHOLD] = {"threshold", "N", NULL, "how many of them must sign"},
    [OPTION_NOT_BEFORE] = {"not-before", "TIME", NULL, "accepted from then on (RFC 3339, UTC)"},
    [OPTION_NOT_AFTER] = {"not-after", "TIME", NULL, "accepted until then (RFC 3339, UTC)"},
    [OPTION_ANCHOR] = {"anchor", "SIZE:ROOT", NULL, "what the HSM remembers, see provctl status"},
    [OPTION_HEAD] = {"head", "SIZE:ROOT", NULL, "what the ledger was found with, see there"},
    [OPTION_CHALLENGE] = {"challenge", "HEX", NULL, "a nonce of your own, 8 to 64 bytes"},
    [OPTION_PUBLIC_KEY] = {"key", "FILE", NULL, "PEM, the public checkpoint key"},
    [OPTION_SINCE] = {"since", "FILE", NULL, "an older checkpoint that you hold"},
    [OPTION_RECEIPT] = {"receipt", "FILE", NULL, "a license's receipt that you hold"},
    [OPTION_MES] = {"mes", "FILE", NULL, "CSV of what was shipped"},
    [OPTION_UNREPORTED_HOURS] = {"unreported-hours", "N", NULL,
                                 "flag installs unreported for longer (24)"},
    [OPTION_SHIFT] = {"shift", "HH:MM-HH:MM", NULL, "flag what was issued outside, UTC"},
    [OPTION_REISSUE_PERCENT] = {"reissue-percent", "N", NULL, "flag a higher rate of repeats (20)"},
    [OPTION_CSV] = {"csv", NULL, NULL, "print RFC 4180 CSV"},
    [OPTION_SCOPE_PRODUCT] = {"product", "NAME", NULL, "for this product only; may be given again"},
    [OPTION_SCOPE_LINE] = {"line", "TEXT", NULL, "for this line only; may be given again"},
    [OPTION_ALL_PRODUCTS] = {"all-products", NULL, NULL, "for every product again"},
    [OPTION_ISSUER] = {"ca", "FILE", NULL, "PEM, the CA that signs (default DIR/ca.pem)"},
    [OPTION_ISSUER_KEY] = {"ca-key", "FILE", NULL, "PEM, its key (default DIR/ca.key)"},
    [OPTION_DAYS] = {"days", "N", NULL, "how long the certificate is valid"},
    [OPTION_NEW_DIR] = {"out-dir", "DIR", NULL, "write the new files there"},
    [OPTION_CA_NAME] = {"name", "TEXT", NULL, "the CA's name (default: Local client CA)"},
    [OPTION_OF_LOT] = {"lot", "TEXT", NULL, "of this lot only"},
    [OPTION_OF_STATION] = {"station", "NAME", NULL, "of this station only"},
    [OPTION_DEVICE] = {"device", "HEX", NULL, "of this device only: SHA-256 of its key"},
    [OPTION_RESULT] = {"result", "WORD", NULL, "unreported, succeeded, failed or scrapped only"},
    [OPTION_FROM_TIME] = {"since", "TIME", NULL, "from then on: 2026-11-27, ...T10:00:00Z, or 8h"},
    [OPTION_UNTIL_TIME] = {"until", "TIME", NULL, "before then"},
    [OPTION_LIMIT] = {"limit", "N", NULL, "no more than so many (100)"},
    [OPTION_ALL] = {"all", NULL, NULL, "all of them"},
    [OPTION_CURSOR] = {"cursor", "TEXT", NULL, "go on after an answer's next_cursor"},
    [OPTION_BY] = {"by", "WORD", NULL, "rows by lot, day or station (over --url)"},
    [OPTION_NO_RETRY] = {"no-retry", NULL, NULL, "ask once, do not repeat what failed"},
    [OPTION_DOCUMENT_OUT] = {"out", "FILE", NULL, "write the document that was signed there"},
    [OPTION_ANCHORS_OUT] = {"anchors", "FILE", NULL, "write its anchors there, PEM"},
    [OPTION_ALL_LINES] = {"all-lines", NULL, NULL, "for every line again"},
};

const size_t OPTION_LINE_MAX_BYTES[OPTION_COUNT] = {
    [OPTION_LABEL] = TEXT_BYTES,    [OPTION_LOT] = TEXT_BYTES,
    [OPTION_LINE] = TEXT_BYTES,     [OPTION_WORK_ORDER] = TEXT_BYTES,
    [OPTION_OPERATOR] = TEXT_BYTES, [OPTION_SOCKET_NAME] = TEXT_BYTES,
    [OPTION_CODE] = TEXT_BYTES,     [OPTION_DETAIL] = DETAIL_BYTES,
    [OPTION_SERIAL] = TEXT_BYTES,   [OPTION_SCOPE_LINE] = TEXT_BYTES,
    [OPTION_CA_NAME] = TEXT_BYTES,  [OPTION_OF_LOT] = TEXT_BYTES,
};

void option_format(size_t option, char *out, size_t size)
{
    const char *value = OPTION_ROWS[option].value;
    (void)snprintf(out, size, "--%s%s%s", OPTION_ROWS[option].name, value != NULL ? " " : "",
                   value != NULL ? value : "");
}

bool option_makes_list(size_t option)
{
    return option == OPTION_SCOPE_PRODUCT || option == OPTION_SCOPE_LINE;
}
