/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The table of advice. Owns no state. */
#include "cli/advice.h"

#include <stddef.h>
#include <string.h>

static const struct {
    enum error code;
    const char *reason;
    const char *advice;
} ROWS[] = {
    /* the caller */
    {ERR_FORBIDDEN, "principal-unknown",
     "Ask an administrator to enrol this certificate's key: provctl station enroll or add, or the "
     "same for another role."},
    {ERR_FORBIDDEN, "principal-disabled",
     "An administrator disabled this caller; ask why before it is enabled again."},
    {ERR_FORBIDDEN, "role-not-allowed",
     "Use the certificate of a caller whose role includes this; provctl self shows this one's."},
    {ERR_FORBIDDEN, "product-not-allowed",
     "Is it the right product? provctl self shows those that this caller is narrowed to; an "
     "administrator changes them with provctl station narrow, or operator narrow."},
    {ERR_FORBIDDEN, "line-not-allowed",
     "Is it the right --line? provctl self shows those that this caller is narrowed to; an "
     "administrator changes them with provctl station narrow, or operator narrow."},
    {ERR_FORBIDDEN, "line-missing", "Say which line it is: --line TEXT; provctl self shows them."},
    /* the device */
    {ERR_DEVICE_NOT_GENUINE, "certificate-malformed", "Read the device again."},
    {ERR_DEVICE_NOT_GENUINE, "untrusted-issuer",
     "Is it the right product? Send the intermediate certificates along; or the product's anchors "
     "are the wrong ones."},
    {ERR_DEVICE_NOT_GENUINE, "signature-invalid", "Set this device aside: it may be a forgery."},
    {ERR_DEVICE_NOT_GENUINE, "weak-signature",
     "Set this device aside; its maker must issue its certificate anew."},
    {ERR_DEVICE_NOT_GENUINE, "chain-invalid",
     "Set this device aside, and tell the operator the number."},
    {ERR_DEVICE_NOT_GENUINE, "not-yet-valid",
     "Is the server's clock right? Then ask again when the certificate is valid."},
    {ERR_DEVICE_NOT_GENUINE, "expired",
     "Is the server's clock right? Otherwise set this device aside."},
    {ERR_DEVICE_NOT_GENUINE, "tpm-ek", "Send the device's own identity certificate."},
    {ERR_DEVICE_NOT_GENUINE, "key-type", "Set this device aside: it does not fit the product."},
    {ERR_DEVICE_NOT_GENUINE, "key-size", "Set this device aside: its maker must make a new key."},
    {ERR_DEVICE_NOT_GENUINE, "rsa-size", "Set this device aside: it does not fit the product."},
    {ERR_DEVICE_NOT_GENUINE, "key-exponent",
     "Set this device aside: its maker must make a new key."},
    {ERR_DEVICE_NOT_GENUINE, "revoked",
     "Set this device aside: its maker took its certificate back."},
    {ERR_DEVICE_NOT_GENUINE, "crl-missing",
     "Bring the newest list of each CA with provctl product crls, then ask again."},
    {ERR_DEVICE_NOT_GENUINE, "crl-stale",
     "Bring the newest list of each CA with provctl product crls, then ask again."},
    {ERR_DEVICE_NOT_GENUINE, "curve", "Set this device aside: it does not fit the product."},
    {ERR_DEVICE_NOT_GENUINE, "key-usage",
     "Put the device's own certificate first in --device-cert; otherwise set it aside."},
    {ERR_DEVICE_NOT_GENUINE, "identity-malformed",
     "Set this device aside; its maker must issue its certificate anew."},
    {ERR_DEVICE_NOT_GENUINE, "key-malformed", "Read the device again."},
    {ERR_DEVICE_NOT_GENUINE, "device-not-listed",
     "Bring the list that names it with provctl device allow, then ask again."},
    {ERR_DEVICE_NOT_GENUINE, "list-signer",
     "Bring a list by the present signer with provctl device allow, then ask again."},
    {ERR_DEVICE_NOT_GENUINE, "st-length", "Read the chip again."},
    {ERR_DEVICE_NOT_GENUINE, "st-product-id", "Read the chip again; then set it aside."},
    {ERR_DEVICE_NOT_GENUINE, "st-point", "Read the chip again; then set it aside."},
    {ERR_DEVICE_NOT_GENUINE, "st-family",
     "Is it the right product? Otherwise set the chip aside: it does not fit."},
    {ERR_DEVICE_NOT_GENUINE, "st-security-counter",
     "Set the chip aside and tell the operator: such chips need a product of their own."},
    {ERR_DEVICE_NOT_GENUINE, "st-signature",
     "Read the chip again; then set it aside. When all chips fail, the product's anchor is the "
     "wrong one."},
    {ERR_DEVICE_IDENTITY_CONFLICT, "key-was-replaced",
     "This board got a new chip: set the old one aside."},
    /* signed documents */
    {ERR_BAD_REQUEST, "not-signed-data", "Give the file as it was signed, with all its bytes."},
    {ERR_BAD_REQUEST, "content-detached", "Have it signed anew, with -nodetach."},
    {ERR_BAD_REQUEST, "grant-malformed", "Write it with provctl grant new, and have it signed."},
    {ERR_GRANT_REFUSED, "signature-invalid",
     "It was altered, or signed with SHA-1 or MD5: ask the maker for it again."},
    {ERR_GRANT_REFUSED, "too-few-signers",
     "Ask the maker for further signatures (openssl cms -resign); provctl grant inspect shows "
     "those there are."},
    {ERR_GRANT_REFUSED, "other-hsm",
     "Ask for one that names the HSM identity that provctl status shows."},
    {ERR_GRANT_REFUSED, "other-site", "Is it another factory's?"},
    {ERR_GRANT_REFUSED, "not-yet-valid",
     "Is the server's clock right? Then apply it again when its time has come."},
    {ERR_GRANT_REFUSED, "expired", "Is the server's clock right? Then ask for a new one."},
    {ERR_GRANT_REFUSED, "before-override", "Ask the maker for a new one."},
    {ERR_GRANT_REFUSED, "sequence",
     "Apply the missing one first; when there is none, ask for a new one. provctl product show "
     "prints the present sequence."},
    {ERR_GRANT_REFUSED, "standbys-full",
     "Ask the maker to withdraw one (provctl grant new --kind standby --withdraw)."},
    {ERR_GRANT_REFUSED, "product-local",
     "Is it the right product? No document changes a local one."},
    {ERR_GRANT_REFUSED, "settings", "Ask the maker for another policy."},
    {ERR_GRANT_REFUSED, "other-heads",
     "Read both heads again with provctl status, and ask for a new override."},
    {ERR_GRANT_REFUSED, "no-mismatch", "There is nothing to override: nothing is to be done."},
    {ERR_GRANT_REFUSED, "device-unknown",
     "No device of the product has this serial and old key: ask for a corrected one."},
    {ERR_GRANT_REFUSED, "key-taken",
     "The new key is another device's already: set that device aside, it may be a clone."},
    {ERR_GRANT_REFUSED, "limit", "Ask for fewer units."},
    /* those who are enrolled */
    {ERR_CONFLICT, "name-taken",
     "Give another name: a name belongs to one caller for ever. Another key for it is added with "
     "key add."},
    {ERR_CONFLICT, "last-key", "Add the new one first, with key add; or disable the caller."},
    {ERR_CONFLICT, "key-unknown", "The command show prints the keys."},
    /* the server's disk */
    {ERR_LEDGER_UNAVAILABLE, "disk-nearly-full",
     "Make room on that disk, on the server; then the same command goes on."},
};

const char *advice_for(enum error code, const char *reason)
{
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        if (ROWS[i].code == code && strcmp(ROWS[i].reason, reason) == 0)
            return ROWS[i].advice;
    }
    return NULL;
}
