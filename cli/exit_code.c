/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The table of exit codes. Owns no state. */
#include "cli/exit_code.h"

#include <stddef.h>

static const struct {
    bool is_set;
    enum exit_code exit;
} ROWS[ERR_COUNT] = {
    [ERR_OK] = {true, EXIT_CODE_DONE},
    [ERR_BAD_REQUEST] = {true, EXIT_CODE_OTHER},
    [ERR_TOO_LARGE] = {true, EXIT_CODE_OTHER},
    [ERR_UNAUTHENTICATED] = {true, EXIT_CODE_FORBIDDEN},
    [ERR_FORBIDDEN] = {true, EXIT_CODE_FORBIDDEN},
    [ERR_PRODUCT_UNKNOWN] = {true, EXIT_CODE_OTHER},
    [ERR_IMAGE_UNKNOWN] = {true, EXIT_CODE_OTHER},
    [ERR_INSTALL_UNKNOWN] = {true, EXIT_CODE_OTHER},
    [ERR_ROUTE_UNKNOWN] = {true, EXIT_CODE_OTHER},
    [ERR_METHOD_NOT_ALLOWED] = {true, EXIT_CODE_OTHER},
    [ERR_CONFLICT] = {true, EXIT_CODE_OTHER},
    [ERR_NOT_ACCEPTABLE] = {true, EXIT_CODE_OTHER},
    [ERR_RANGE] = {true, EXIT_CODE_OTHER},
    [ERR_MEDIA_TYPE] = {true, EXIT_CODE_OTHER},
    [ERR_GRANT_UNKNOWN] = {true, EXIT_CODE_OTHER},
    [ERR_PRINCIPAL_UNKNOWN] = {true, EXIT_CODE_OTHER},
    [ERR_DEVICE_NOT_GENUINE] = {true, EXIT_CODE_DEVICE_REFUSED},
    [ERR_DEVICE_IDENTITY_CONFLICT] = {true, EXIT_CODE_DEVICE_CONFLICT},
    [ERR_DEVICE_SCRAPPED] = {true, EXIT_CODE_DEVICE_CONFLICT},
    [ERR_QUOTA_SPENT] = {true, EXIT_CODE_QUOTA_SPENT},
    [ERR_GRANT_REFUSED] = {true, EXIT_CODE_OTHER},
    [ERR_ATTEMPTS_SPENT] = {true, EXIT_CODE_DEVICE_REFUSED},
    [ERR_BUDGET_SPENT] = {true, EXIT_CODE_QUOTA_SPENT},
    [ERR_HSM_UNAVAILABLE] = {true, EXIT_CODE_TRY_AGAIN},
    [ERR_VAULT_UNAVAILABLE] = {true, EXIT_CODE_TRY_AGAIN},
    [ERR_LEDGER_UNAVAILABLE] = {true, EXIT_CODE_TRY_AGAIN},
    [ERR_BUSY] = {true, EXIT_CODE_TRY_AGAIN},
    [ERR_TIMEOUT] = {true, EXIT_CODE_TRY_AGAIN},
    [ERR_LINK_CLOSED] = {true, EXIT_CODE_TRY_AGAIN},
    [ERR_NOT_COVERED] = {true, EXIT_CODE_TRY_AGAIN},
    [ERR_RATE_LIMITED] = {true, EXIT_CODE_TRY_AGAIN},
    [ERR_NOT_INITIALISED] = {true, EXIT_CODE_OTHER},
    [ERR_HSM_PIN_REFUSED] = {true, EXIT_CODE_OTHER},
    [ERR_HSM_SWAPPED] = {true, EXIT_CODE_OTHER},
    [ERR_HSM_KEY_WEAK] = {true, EXIT_CODE_OTHER},
    [ERR_HSM_KEY_MISSING] = {true, EXIT_CODE_OTHER},
    [ERR_CONFIG] = {true, EXIT_CODE_OTHER},
    [ERR_UNSUPPORTED] = {true, EXIT_CODE_OTHER},
    [ERR_ANCHOR_MISMATCH] = {true, EXIT_CODE_OTHER},
    [ERR_PRODUCT_TAMPERED] = {true, EXIT_CODE_OTHER},
    [ERR_CLOCK_SET_BACK] = {true, EXIT_CODE_OTHER},
    [ERR_HSM_RETIRED] = {true, EXIT_CODE_OTHER},
    [ERR_INTERNAL] = {true, EXIT_CODE_OTHER},
};

bool exit_code_has_row(enum error code)
{
    return (unsigned)code < ERR_COUNT && ROWS[code].is_set;
}

enum exit_code exit_code_of(enum error code)
{
    return exit_code_has_row(code) ? ROWS[code].exit : EXIT_CODE_OTHER;
}
