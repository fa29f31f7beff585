/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The names of the error codes. Owns no state. */
#include "core/error.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>

static const char *const NAMES[ERR_COUNT] = {
    [ERR_OK] = "ok",
    [ERR_BAD_REQUEST] = "bad-request",
    [ERR_TOO_LARGE] = "request-too-large",
    [ERR_UNAUTHENTICATED] = "unauthenticated",
    [ERR_FORBIDDEN] = "forbidden",
    [ERR_PRODUCT_UNKNOWN] = "product-unknown",
    [ERR_IMAGE_UNKNOWN] = "image-unknown",
    [ERR_INSTALL_UNKNOWN] = "install-unknown",
    [ERR_ROUTE_UNKNOWN] = "route-unknown",
    [ERR_METHOD_NOT_ALLOWED] = "method-not-allowed",
    [ERR_CONFLICT] = "conflict",
    [ERR_NOT_ACCEPTABLE] = "not-acceptable",
    [ERR_RANGE] = "range-not-satisfiable",
    [ERR_MEDIA_TYPE] = "unsupported-media-type",
    [ERR_GRANT_UNKNOWN] = "grant-unknown",
    [ERR_PRINCIPAL_UNKNOWN] = "principal-unknown",
    [ERR_DEVICE_NOT_GENUINE] = "device-not-genuine",
    [ERR_DEVICE_IDENTITY_CONFLICT] = "device-identity-conflict",
    [ERR_DEVICE_SCRAPPED] = "device-scrapped",
    [ERR_QUOTA_SPENT] = "quota-spent",
    [ERR_GRANT_REFUSED] = "grant-refused",
    [ERR_ATTEMPTS_SPENT] = "attempts-spent",
    [ERR_BUDGET_SPENT] = "budget-spent",
    [ERR_HSM_UNAVAILABLE] = "hsm-unavailable",
    [ERR_VAULT_UNAVAILABLE] = "vault-unavailable",
    [ERR_LEDGER_UNAVAILABLE] = "ledger-unavailable",
    [ERR_BUSY] = "busy",
    [ERR_TIMEOUT] = "timeout",
    [ERR_LINK_CLOSED] = "link-closed",
    [ERR_NOT_COVERED] = "not-covered-yet",
    [ERR_RATE_LIMITED] = "too-many-requests",
    [ERR_NOT_INITIALISED] = "not-initialised",
    [ERR_HSM_PIN_REFUSED] = "hsm-pin-refused",
    [ERR_HSM_SWAPPED] = "hsm-swapped",
    [ERR_HSM_KEY_WEAK] = "hsm-key-weak",
    [ERR_HSM_KEY_MISSING] = "hsm-key-missing",
    [ERR_CONFIG] = "configuration",
    [ERR_UNSUPPORTED] = "unsupported",
    [ERR_ANCHOR_MISMATCH] = "anchor-mismatch",
    [ERR_PRODUCT_TAMPERED] = "product-tampered",
    [ERR_CLOCK_SET_BACK] = "clock-set-back",
    [ERR_HSM_RETIRED] = "hsm-retired",
    [ERR_INTERNAL] = "internal",
};

enum error fault_set(struct fault *fault, enum error code, const char *reason, const char *detail,
                     long native)
{
    assert(code != ERR_OK);
    if (fault != NULL) {
        fault->code = code;
        fault->native = native;
        (void)snprintf(fault->reason, sizeof fault->reason, "%s", reason);
        (void)snprintf(fault->detail, sizeof fault->detail, "%s", detail);
        fault->until_unix_ms = 0;
    }
    return code;
}

void fault_set_until(struct fault *fault, int64_t unix_ms)
{
    if (fault != NULL)
        fault->until_unix_ms = unix_ms;
}

bool error_is_known(long code)
{
    return code >= 0 && code < ERR_COUNT && NAMES[code] != NULL;
}

const char *error_name(enum error code)
{
    return error_is_known((long)code) ? NAMES[code] : "unknown";
}

bool error_is_retryable(enum error code)
{
    return code >= ERR_HSM_UNAVAILABLE && code <= ERR_RATE_LIMITED;
}
