/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* PKCS#11 return values: names, meanings, what to do. Constant tables only. */
#include "hsm/ckr.h"

#include <stddef.h>

#include <p11-kit/pkcs11.h>

enum kind { KIND_LOST, KIND_FULL, KIND_STALE, KIND_INPUT, KIND_UNSUPPORTED, KIND_PIN, KIND_COUNT };

static const struct ckr_meaning MEANINGS[KIND_COUNT] = {
    [KIND_LOST] = {ERR_HSM_UNAVAILABLE, CKR_REPLACE, "token-lost",
                   "The token or its session was lost; a new worker logs in."},
    [KIND_FULL] = {ERR_HSM_UNAVAILABLE, CKR_REPLACE, "token-full",
                   "The token is out of memory or sessions; a new worker logs in."},
    [KIND_STALE] = {ERR_HSM_UNAVAILABLE, CKR_FORGET, "key-handle-stale",
                    "A key vanished while it was used."},
    [KIND_INPUT] = {ERR_BAD_REQUEST, CKR_ANSWER, "refused-by-token",
                    "The token refused the data that it was given."},
    [KIND_UNSUPPORTED] = {ERR_UNSUPPORTED, CKR_ANSWER, "unsupported-by-token",
                          "The token cannot do this, or a key's attributes forbid it."},
    [KIND_PIN] =
        {ERR_HSM_PIN_REFUSED, CKR_GIVE_UP, "pin-refused",
         "The token refused the PIN, which is not tried again. Put the right one in place, "
         "remove the file pin-state, and restart provision-hsm."},
};

struct row {
    CK_RV rv;
    const char *name;
    enum kind kind;
};

#define ROW(name, kind)   \
    {                     \
        name, #name, kind \
    }

static const struct row ROWS[] = {
    ROW(CKR_GENERAL_ERROR, KIND_LOST),
    ROW(CKR_FUNCTION_FAILED, KIND_LOST),
    ROW(CKR_DEVICE_ERROR, KIND_LOST),
    ROW(CKR_DEVICE_REMOVED, KIND_LOST),
    ROW(CKR_TOKEN_NOT_PRESENT, KIND_LOST),
    ROW(CKR_TOKEN_NOT_RECOGNIZED, KIND_LOST),
    ROW(CKR_SLOT_ID_INVALID, KIND_LOST),
    ROW(CKR_SESSION_HANDLE_INVALID, KIND_LOST),
    ROW(CKR_SESSION_CLOSED, KIND_LOST),
    ROW(CKR_USER_NOT_LOGGED_IN, KIND_LOST),
    ROW(CKR_CRYPTOKI_NOT_INITIALIZED, KIND_LOST),
    ROW(CKR_FUNCTION_CANCELED, KIND_LOST),
    ROW(CKR_MUTEX_BAD, KIND_LOST),
    ROW(CKR_MUTEX_NOT_LOCKED, KIND_LOST),
    ROW(CKR_FIPS_SELF_TEST_FAILED, KIND_LOST),
    ROW(CKR_LIBRARY_LOAD_FAILED, KIND_LOST),
    ROW(CKR_SESSION_READ_ONLY, KIND_LOST),
    ROW(CKR_USER_TYPE_INVALID, KIND_LOST),
    ROW(CKR_USER_ANOTHER_ALREADY_LOGGED_IN, KIND_LOST),
    ROW(CKR_OPERATION_ACTIVE, KIND_LOST),
    ROW(CKR_OPERATION_NOT_INITIALIZED, KIND_LOST),
    ROW(CKR_HOST_MEMORY, KIND_FULL),
    ROW(CKR_DEVICE_MEMORY, KIND_FULL),
    ROW(CKR_SESSION_COUNT, KIND_FULL),
    ROW(CKR_KEY_HANDLE_INVALID, KIND_STALE),
    ROW(CKR_OBJECT_HANDLE_INVALID, KIND_STALE),
    ROW(CKR_WRAPPING_KEY_HANDLE_INVALID, KIND_STALE),
    ROW(CKR_UNWRAPPING_KEY_HANDLE_INVALID, KIND_STALE),
    ROW(CKR_WRAPPED_KEY_INVALID, KIND_INPUT),
    ROW(CKR_WRAPPED_KEY_LEN_RANGE, KIND_INPUT),
    ROW(CKR_DATA_INVALID, KIND_INPUT),
    ROW(CKR_DATA_LEN_RANGE, KIND_INPUT),
    ROW(CKR_ENCRYPTED_DATA_INVALID, KIND_INPUT),
    ROW(CKR_ENCRYPTED_DATA_LEN_RANGE, KIND_INPUT),
    ROW(CKR_PUBLIC_KEY_INVALID, KIND_INPUT),
    ROW(CKR_BUFFER_TOO_SMALL, KIND_UNSUPPORTED),
    ROW(CKR_MECHANISM_INVALID, KIND_UNSUPPORTED),
    ROW(CKR_MECHANISM_PARAM_INVALID, KIND_UNSUPPORTED),
    ROW(CKR_FUNCTION_NOT_SUPPORTED, KIND_UNSUPPORTED),
    ROW(CKR_ATTRIBUTE_TYPE_INVALID, KIND_UNSUPPORTED),
    ROW(CKR_ATTRIBUTE_VALUE_INVALID, KIND_UNSUPPORTED),
    ROW(CKR_ATTRIBUTE_READ_ONLY, KIND_UNSUPPORTED),
    ROW(CKR_TEMPLATE_INCOMPLETE, KIND_UNSUPPORTED),
    ROW(CKR_TEMPLATE_INCONSISTENT, KIND_UNSUPPORTED),
    ROW(CKR_KEY_SIZE_RANGE, KIND_UNSUPPORTED),
    ROW(CKR_KEY_TYPE_INCONSISTENT, KIND_UNSUPPORTED),
    ROW(CKR_KEY_FUNCTION_NOT_PERMITTED, KIND_UNSUPPORTED),
    ROW(CKR_KEY_NOT_WRAPPABLE, KIND_UNSUPPORTED),
    ROW(CKR_KEY_UNEXTRACTABLE, KIND_UNSUPPORTED),
    ROW(CKR_WRAPPING_KEY_SIZE_RANGE, KIND_UNSUPPORTED),
    ROW(CKR_WRAPPING_KEY_TYPE_INCONSISTENT, KIND_UNSUPPORTED),
    ROW(CKR_UNWRAPPING_KEY_SIZE_RANGE, KIND_UNSUPPORTED),
    ROW(CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT, KIND_UNSUPPORTED),
    ROW(CKR_CURVE_NOT_SUPPORTED, KIND_UNSUPPORTED),
    ROW(CKR_DOMAIN_PARAMS_INVALID, KIND_UNSUPPORTED),
    ROW(CKR_RANDOM_NO_RNG, KIND_UNSUPPORTED),
    ROW(CKR_ACTION_PROHIBITED, KIND_UNSUPPORTED),
    ROW(CKR_FUNCTION_REJECTED, KIND_UNSUPPORTED),
    ROW(CKR_ARGUMENTS_BAD, KIND_UNSUPPORTED),
    ROW(CKR_ATTRIBUTE_SENSITIVE, KIND_UNSUPPORTED),
    ROW(CKR_TOKEN_WRITE_PROTECTED, KIND_UNSUPPORTED),
    ROW(CKR_PIN_INCORRECT, KIND_PIN),
    ROW(CKR_PIN_INVALID, KIND_PIN),
    ROW(CKR_PIN_LEN_RANGE, KIND_PIN),
    ROW(CKR_PIN_EXPIRED, KIND_PIN),
    ROW(CKR_PIN_LOCKED, KIND_PIN),
    ROW(CKR_USER_PIN_NOT_INITIALIZED, KIND_PIN),
    ROW(CKR_PIN_TOO_WEAK, KIND_PIN),
};

unsigned long ckr_value(unsigned index)
{
    return index < sizeof ROWS / sizeof ROWS[0] ? ROWS[index].rv : CKR_VALUES_END;
}

static const struct row *find_row(unsigned long rv)
{
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        if (ROWS[i].rv == rv)
            return &ROWS[i];
    }
    return NULL;
}

const char *ckr_name(unsigned long rv)
{
    const struct row *row = find_row(rv);
    if (row != NULL)
        return row->name;
    return rv >= CKR_VENDOR_DEFINED ? "CKR_VENDOR_DEFINED" : "CKR_UNKNOWN";
}

const struct ckr_meaning *ckr_meaning(unsigned long rv)
{
    const struct row *row = find_row(rv);
    return &MEANINGS[row != NULL ? row->kind : KIND_LOST];
}
