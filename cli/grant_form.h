/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The options of provctl grant new: each kind of document has its own, and no others.
 * Threads: main thread.
 */
#ifndef CLI_GRANT_FORM_H
#define CLI_GRANT_FORM_H

#include "cli/arguments.h"
#include "cli/device_options.h"
#include "cli/st_options.h"
#include "grant/grant.h"

/* What every kind demands, and what one kind or another takes. */
#define GRANT_FORM_REQUIRED OPTION_KIND, OPTION_PRODUCT, OPTION_SITE, OPTION_HSM, OPTION_OUT
#define GRANT_FORM_OPTIONAL                                                                        \
    OPTION_NOT_BEFORE, OPTION_NOT_AFTER, OPTION_UNITS, OPTION_LOT, OPTION_SEQUENCE,                \
        OPTION_ANCHORS, OPTION_AUTHORITIES, OPTION_THRESHOLD, OPTION_PROFILE, OPTION_POLICY,       \
        OPTION_ATTEMPTS_MAX, ST_OPTIONS, DEVICE_OPTIONS, OPTION_ALLOW_SESSION_KEY_EXPOSURE,        \
        OPTION_SERIAL, OPTION_OLD_KEY, OPTION_NEW_KEY, OPTION_ANCHOR, OPTION_HEAD, OPTION_STANDBY, \
        OPTION_TRANSPORT_KEY, OPTION_WITHDRAW

/*
 * A new document, issued now, with an id of its own. A usage failure for an option of another kind
 * or one that is missing. Clear *ret_grant with grant_clear, also after a failure.
 */
enum error grant_form_read(const struct arguments *arguments, struct grant *ret_grant,
                           struct failure *failure) MUST_USE;

#endif
