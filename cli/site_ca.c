/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Which CA signs. Owns no state. */
#include "cli/site_ca.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/key_pair.h"
#include "cli/text.h"

/* A folder without a CA is where somebody begins who has none. */
static enum error check_ca(const struct arguments *arguments, const struct key_pair *ca,
                           struct failure *failure)
{
    if (arguments_has(arguments, OPTION_ISSUER) || access(ca->certificate, F_OK) == 0)
        return ERR_OK;
    return failure_set_plain(failure, ERR_CONFIG,
                             "There is no CA: %s is not there. Make one first: provctl ca new "
                             "--out-dir %s; or name yours: --ca FILE --ca-key FILE",
                             ca->certificate, arguments_get(arguments, OPTION_NEW_DIR));
}

static void warn_of_readers(const char *key)
{
    struct stat info;
    char escaped[PATH_MAX];
    text_escape(key, escaped, sizeof escaped);
    if (stat(key, &info) == 0 && (info.st_mode & (S_IRGRP | S_IROTH)) != 0)
        (void)fprintf(stderr,
                      "provctl: warning: others can read the CA's key %s, and whoever has it can "
                      "make certificates: chmod 600 %s\n",
                      escaped, escaped);
}

enum error site_ca_open(const struct arguments *arguments, struct issuer **ret_issuer,
                        struct failure *failure)
{
    struct key_pair ca;
    if (arguments_has(arguments, OPTION_ISSUER) != arguments_has(arguments, OPTION_ISSUER_KEY))
        return failure_set_usage(failure, "--ca and --ca-key belong together");
    enum error e = key_pair_name(arguments_get(arguments, OPTION_NEW_DIR), "ca", &ca, failure);
    if (e == ERR_OK)
        e = check_ca(arguments, &ca, failure);
    if (e != ERR_OK)
        return e;
    const char *key = arguments_get_or(arguments, OPTION_ISSUER_KEY, ca.key);
    e = issuer_open(arguments_get_or(arguments, OPTION_ISSUER, ca.certificate), key, ret_issuer,
                    failure);
    if (e == ERR_OK)
        warn_of_readers(key);
    return e;
}
