/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What can go wrong, by meaning.
 *
 * One closed list for the whole tree: a code says what an answer means to the one who asked, never
 * which library failed. Zero is success and results must be used. A function that touches the
 * outside (HSM, store, socket, file, certificate) also fills a struct fault, which adds a stable
 * reason word, a sentence and the native number. A fault owns nothing, holds no text of a client
 * and no secret, and may be copied by assignment.
 *
 * api/problem.c maps every code to an HTTP status and a problem type; cli/exit_code.c maps it to an
 * exit code. Tests prove that both tables are complete. Numbers travel between the programs: a code
 * keeps its number for ever, new ones are added before ERR_COUNT.
 *
 * Threads: everything here is a value or a pure function.
 */
#ifndef CORE_ERROR_H
#define CORE_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#define MUST_USE __attribute__((warn_unused_result))

enum error {
    ERR_OK = 0,
    /* the request is wrong, and stays wrong however often it is sent */
    ERR_BAD_REQUEST = 1,
    ERR_TOO_LARGE = 2,
    ERR_UNAUTHENTICATED = 3, /* no valid client certificate */
    ERR_FORBIDDEN = 4,       /* a known caller may not do this, or the caller is not enrolled */
    ERR_PRODUCT_UNKNOWN = 5,
    ERR_IMAGE_UNKNOWN = 6,
    ERR_INSTALL_UNKNOWN = 7,
    ERR_ROUTE_UNKNOWN = 8,
    ERR_METHOD_NOT_ALLOWED = 9,
    ERR_CONFLICT = 10,       /* the thing exists already, or with another content */
    ERR_NOT_ACCEPTABLE = 11, /* the answer does not exist in the media type asked for */
    ERR_RANGE = 12,          /* the byte range lies outside the content */
    ERR_MEDIA_TYPE = 13,     /* the request's body has a media type that is not taken */
    ERR_GRANT_UNKNOWN = 14,
    ERR_PRINCIPAL_UNKNOWN = 15, /* that is asked about; an unknown caller is ERR_FORBIDDEN */
    /* the device or its product says no */
    ERR_DEVICE_NOT_GENUINE = 20,
    ERR_DEVICE_IDENTITY_CONFLICT = 21,
    ERR_DEVICE_SCRAPPED = 22,
    ERR_QUOTA_SPENT = 23,
    ERR_GRANT_REFUSED = 24,  /* a signed document that does not count here; the reason says why */
    ERR_ATTEMPTS_SPENT = 25, /* this device was asked for more often than its product allows */
    ERR_BUDGET_SPENT = 26,   /* the station's or the shift's share of the quota is spent */
    /* the service cannot now; the same request may succeed later */
    ERR_HSM_UNAVAILABLE = 40,
    ERR_VAULT_UNAVAILABLE = 41,
    ERR_LEDGER_UNAVAILABLE = 42,
    ERR_BUSY = 43,         /* a bounded queue is full */
    ERR_TIMEOUT = 44,      /* a deadline passed; the outcome is not known, ask again */
    ERR_LINK_CLOSED = 45,  /* the other program closed the connection */
    ERR_NOT_COVERED = 46,  /* no checkpoint covers this leaf yet */
    ERR_RATE_LIMITED = 47, /* this caller asks more often than it may */
    /* the service is set up wrongly and needs an operator */
    ERR_NOT_INITIALISED = 60, /* `provctl hsm init` has not run */
    ERR_HSM_PIN_REFUSED = 61, /* the token refused the PIN; it is not tried again */
    ERR_HSM_SWAPPED = 62,     /* the token is not the one this ledger belongs to */
    ERR_HSM_KEY_WEAK = 63,    /* a key's attributes are weaker than the policy */
    ERR_HSM_KEY_MISSING = 64, /* a key that the ledger names is not in the token */
    ERR_CONFIG = 65,
    ERR_UNSUPPORTED = 66,      /* this token or build cannot do what was asked */
    ERR_ANCHOR_MISMATCH = 67,  /* the journal does not extend the HSM's anchor */
    ERR_PRODUCT_TAMPERED = 68, /* a governed product is not as its signed documents say */
    ERR_CLOCK_SET_BACK = 69,   /* it is earlier than the newest leaf of the journal */
    /* neither */
    ERR_INTERNAL = 80,
    ERR_COUNT = 81 /* one more than the largest code */
};

#define FAULT_REASON_SIZE 40  /* bytes, with the terminating NUL */
#define FAULT_DETAIL_SIZE 200 /* bytes, with the terminating NUL */

struct fault {
    enum error code;
    long native;                    /* CK_RV, SQLite code, errno; 0 when there is none */
    char reason[FAULT_REASON_SIZE]; /* stable machine word, lower-case-with-dashes; "" when none */
    char detail[FAULT_DETAIL_SIZE]; /* one sentence for a person; "" when none */
    int64_t until_unix_ms;          /* the same may succeed from then on; 0: nobody knows */
};

/*
 * Fills *fault (NULL is allowed) and returns code, so that a failing function ends in
 * `return fault_set(fault, ERR_X, "reason", "What happened.", native);`.
 * reason and detail are literals of the program, never input.
 */
enum error fault_set(struct fault *fault, enum error code, const char *reason, const char *detail,
                     long native);

/* Says when; NULL is allowed. */
void fault_set_until(struct fault *fault, int64_t unix_ms);

/* The stable name of a code in lower-case-with-dashes ("quota-spent"); "unknown" for a gap. */
const char *error_name(enum error code);

/* True for each code of the list above, ERR_OK included; false for a gap or a foreign number. */
bool error_is_known(long code);

/* True when the same request may succeed later without anybody changing anything by hand. */
bool error_is_retryable(enum error code);

#endif
