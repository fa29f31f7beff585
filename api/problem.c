/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The one table from meaning to HTTP. Owns no state. */
#include "api/problem.h"

#include <stdio.h>
#include <string.h>

#define RETRY_SOON_S     1  /* a queue or a deadline */
#define RETRY_LATER_S    5  /* a program or a device comes back by itself */
#define RETRY_OPERATOR_S 60 /* somebody must act first */

static const struct problem PROBLEMS[ERR_COUNT] = {
    [ERR_BAD_REQUEST] = {400, 0, "The request is wrong",
                         "Correct the station's software; the same request will fail again.",
                         false},
    [ERR_TOO_LARGE] = {413, 0, "The request is too large",
                       "Correct the station's software; the same request will fail again.", false},
    [ERR_UNAUTHENTICATED] = {401, 0, "No valid client certificate",
                             "Give the station a certificate of this site's client CA.", false},
    [ERR_FORBIDDEN] = {403, 0, "This caller may not do this",
                       "Ask the operator to enrol, enable or widen it.", true},
    [ERR_PRODUCT_UNKNOWN] = {404, 0, "The product is not known here",
                             "Check the product's name in the station's recipe.", false},
    [ERR_IMAGE_UNKNOWN] = {404, 0, "The image is not known here",
                           "Check the image in the station's recipe, or ask the operator to "
                           "enable it.",
                           false},
    [ERR_INSTALL_UNKNOWN] = {404, 0, "The install is not known here",
                             "Check that the install_id is the one that came with the license.",
                             false},
    [ERR_ROUTE_UNKNOWN] = {404, 0, "There is nothing at this path",
                           "Correct the station's software.", false},
    [ERR_METHOD_NOT_ALLOWED] = {405, 0, "This path does not take this method",
                                "Correct the station's software; see the Allow header.", false},
    [ERR_CONFLICT] = {409, 0, "It exists or was done already", "Tell the operator.", true},
    [ERR_NOT_ACCEPTABLE] = {406, 0, "The answer does not exist in the media type asked for",
                            "Correct the station's Accept header.", false},
    [ERR_RANGE] = {416, 0, "The byte range lies outside the image",
                   "Begin the download again from its first byte.", false},
    [ERR_MEDIA_TYPE] = {415, 0, "The body has a media type that is not taken",
                        "Correct the station's Content-Type header.", false},
    [ERR_GRANT_UNKNOWN] = {404, 0, "The signed document is not known here",
                           "Check the id of the document.", false},
    [ERR_PRINCIPAL_UNKNOWN] = {404, 0, "The station is not known here",
                               "Check the name of the station.", false},
    [ERR_DEVICE_NOT_GENUINE] = {422, 0, "The device is not proven genuine",
                                "Set the device aside if a second reading gives the same answer.",
                                true},
    [ERR_DEVICE_IDENTITY_CONFLICT] = {409, 0, "The device's identity is taken by another device",
                                      "Set the device aside and tell the operator: two devices "
                                      "claim one identity.",
                                      true},
    [ERR_DEVICE_SCRAPPED] = {409, 0, "The device was reported as scrapped",
                             "Set the device aside: scrapped is final.", false},
    [ERR_QUOTA_SPENT] = {409, 0, "The product's quota is spent",
                         "Stop the line for this product and ask the operator for a grant.", false},
    [ERR_GRANT_REFUSED] = {422, 0, "The signed document does not count here",
                           "Send this answer to whoever signed it.", true},
    [ERR_ATTEMPTS_SPENT] = {409, 0, "The device was asked for too often",
                            "Set the device aside: its product limits the attempts per device.",
                            false},
    [ERR_BUDGET_SPENT] = {409, 0, "This share of the quota is spent",
                          "Stop this station for the product until the next period begins (until, "
                          "Retry-After), or ask the operator.",
                          false},
    [ERR_HSM_UNAVAILABLE] = {503, RETRY_LATER_S, "The HSM does not answer",
                             "Retry; call the operator when it lasts.", false},
    [ERR_VAULT_UNAVAILABLE] = {503, RETRY_LATER_S, "The vault does not answer",
                               "Retry; call the operator when it lasts.", false},
    [ERR_LEDGER_UNAVAILABLE] = {503, RETRY_LATER_S, "The ledger cannot be written",
                                "Retry; call the operator when it lasts.", false},
    [ERR_BUSY] = {503, RETRY_SOON_S, "Too many requests are under way",
                  "Retry after the time in Retry-After.", false},
    [ERR_TIMEOUT] = {503, RETRY_SOON_S, "The answer did not come in time",
                     "Send the same request again: it is never charged twice.", false},
    [ERR_LINK_CLOSED] = {503, RETRY_SOON_S, "The connection inside the server was lost",
                         "Send the same request again: it is never charged twice.", false},
    [ERR_RATE_LIMITED] = {429, RETRY_SOON_S, "This caller asks too often",
                          "Retry after the time in Retry-After.", false},
    [ERR_NOT_COVERED] = {503, RETRY_SOON_S, "No checkpoint covers this yet",
                         "Retry after the time in Retry-After.", false},
    [ERR_NOT_INITIALISED] = {503, RETRY_OPERATOR_S, "The server is not set up yet",
                             "Call the operator, who runs `provctl hsm init`.", false},
    [ERR_HSM_PIN_REFUSED] = {503, RETRY_OPERATOR_S, "The HSM refused its PIN",
                             "Call the operator; the PIN is not tried again.", false},
    [ERR_HSM_SWAPPED] = {503, RETRY_OPERATOR_S, "This is not the HSM of this server's ledger",
                         "Call the operator: put the right HSM back.", false},
    [ERR_HSM_KEY_WEAK] = {503, RETRY_OPERATOR_S, "A key in the HSM is weaker than the policy",
                          "Call the operator; the key must not be used.", false},
    [ERR_HSM_KEY_MISSING] = {503, RETRY_OPERATOR_S, "A key is missing in the HSM",
                             "Call the operator: put the right HSM back or restore its key.",
                             false},
    [ERR_CONFIG] = {500, 0, "The server is configured wrongly", "Call the operator.", false},
    [ERR_UNSUPPORTED] = {501, 0, "This server or its HSM cannot do this", "Call the operator.",
                         false},
    [ERR_ANCHOR_MISMATCH] = {503, RETRY_OPERATOR_S,
                             "The journal is not the one that the HSM remembers",
                             "Call the operator: the ledger was restored or changed.", false},
    [ERR_PRODUCT_TAMPERED] = {503, RETRY_OPERATOR_S,
                              "The product is not as its signed documents say",
                              "Call the operator: the ledger was changed by hand.", false},
    [ERR_CLOCK_SET_BACK] = {503, RETRY_OPERATOR_S, "The server's clock was set back",
                            "Call the operator, who sets the clock right.", false},
    [ERR_INTERNAL] = {500, 0, "Something went wrong inside the server",
                      "Call the operator and name the request_id.", false},
};

static const struct advice {
    enum error code;
    bool is_shown; /* as the member "check", though the type has none of its own */
    const char *check;
    const char *action;
} ADVICE[] = {
    {ERR_FORBIDDEN, false, "principal-unknown",
     "Ask the operator to enrol the certificate's key, or use a certificate that is enrolled."},
    {ERR_FORBIDDEN, false, "principal-disabled",
     "Ask the operator, who finds out why it was disabled before he enables it."},
    {ERR_FORBIDDEN, false, "role-not-allowed", "Use the certificate of a caller who may."},
    {ERR_FORBIDDEN, false, "product-not-allowed",
     "Use a caller that may see it, or ask the operator to widen this one."},
    {ERR_FORBIDDEN, false, "line-not-allowed",
     "Check the line in context.line, or ask the operator to widen this caller."},
    {ERR_FORBIDDEN, false, "line-missing", "Send context.line."},
    {ERR_CONFLICT, false, "grant-used",
     "When an answer to it was lost, it counts and nothing is left to do; otherwise ask its maker "
     "for a new document."},
    {ERR_PRODUCT_UNKNOWN, false, "product-not-made",
     "Give the document to an administrator of the server, who runs `provctl grant apply`."},
    {ERR_LEDGER_UNAVAILABLE, true, "disk-nearly-full",
     "Call the operator, who makes room on the ledger's disk. Licenses that were issued before are "
     "still answered."},
};

bool problem_exists(enum error code)
{
    return (unsigned)code < ERR_COUNT && PROBLEMS[code].title != NULL;
}

const struct problem *problem_of(enum error code)
{
    return &PROBLEMS[problem_exists(code) ? code : ERR_INTERNAL];
}

static const struct advice *find_advice(enum error code, const char *check)
{
    for (size_t i = 0; i < sizeof ADVICE / sizeof ADVICE[0]; i++) {
        if (ADVICE[i].code == code && strcmp(ADVICE[i].check, check) == 0)
            return &ADVICE[i];
    }
    return NULL;
}

const char *problem_advice(enum error code, const char *check)
{
    const struct advice *advice = find_advice(code, check);
    return advice != NULL ? advice->action : problem_of(code)->action;
}

bool problem_shows_check(enum error code, const char *check)
{
    const struct advice *advice = find_advice(code, check);
    return problem_of(code)->has_check || (advice != NULL && advice->is_shown);
}

void problem_type(enum error code, char out[PROBLEM_TYPE_SIZE])
{
    enum error known = problem_exists(code) ? code : ERR_INTERNAL;
    (void)snprintf(out, PROBLEM_TYPE_SIZE, "/problems/%s", error_name(known));
}
