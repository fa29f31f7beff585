/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Certificates of a PEM file, one by one. Owns no state. */
#include "cli/authorities.h"

#include <stdlib.h>
#include <string.h>

#include "cli/file_input.h"

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"
#define PEM_END   "-----END CERTIFICATE-----"

/* As cut out of the file; one more than a set may have, so that too many are seen. */
struct certificates {
    const char *pems[AUTHORITY_KEYS_MAX + 1];
    size_t count;
};

/* Cuts the text in place. False when a certificate has no end. */
static bool split(char *text, struct certificates *certificates)
{
    char *at = strstr(text, PEM_BEGIN);
    while (at != NULL && certificates->count <= AUTHORITY_KEYS_MAX) {
        char *end = strstr(at, PEM_END);
        if (end == NULL)
            return false;
        end += strlen(PEM_END);
        char *next = strstr(end, PEM_BEGIN);
        *end = '\0'; /* a line end, or the text's own NUL */
        certificates->pems[certificates->count++] = at;
        at = next;
    }
    return true;
}

static enum error make_set(const char *path, const struct certificates *certificates,
                           int64_t threshold, struct authority_set **ret_set,
                           struct failure *failure)
{
    struct fault fault;
    enum error e = authority_set_new(certificates->pems, certificates->count, (unsigned)threshold,
                                     ret_set, &fault);
    if (e == ERR_OK)
        return ERR_OK;
    if (strcmp(fault.reason, "threshold") == 0)
        return failure_set_usage(failure, "--threshold: %s has %zu certificates", path,
                                 certificates->count);
    return failure_set_plain(failure, e, "%s: %s", path, fault.detail);
}

enum error authorities_check_options(const struct arguments *arguments, struct failure *failure)
{
    if (arguments_has(arguments, OPTION_AUTHORITIES) == arguments_has(arguments, OPTION_THRESHOLD))
        return ERR_OK;
    return failure_set_usage(failure, "--authorities and --threshold belong together");
}

enum error authorities_read(const struct arguments *arguments, struct authority_set **ret_set,
                            struct failure *failure)
{
    const char *path = arguments_get(arguments, OPTION_AUTHORITIES);
    struct certificates certificates = {.count = 0};
    int64_t threshold = 0;
    char *text = NULL;
    enum error e = arguments_get_number(arguments, OPTION_THRESHOLD, 1, AUTHORITY_KEYS_MAX,
                                        &threshold, failure);
    if (e == ERR_OK)
        e = file_input_read_pem(path, &text, failure);
    if (e != ERR_OK)
        return e;
    e = split(text, &certificates)
            ? make_set(path, &certificates, threshold, ret_set, failure)
            : failure_set_plain(failure, ERR_BAD_REQUEST, "%s: a certificate is cut off", path);
    free(text);
    return e;
}
