/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl ca new: a CA of its own for a small site. Owns no state. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/issuer.h"
#include "cli/key_pair.h"
#include "cli/output.h"

#define NAME_DEFAULT "Local client CA"
#define DAYS_DEFAULT 3650
#define FOLDER_MODE  0700

static enum error print_made(const struct arguments *arguments, const struct key_pair *pair,
                             const char *end, struct failure *failure)
{
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:o, s:o, s:s}", "certificate",
                                     output_text(pair->certificate), "private_key",
                                     output_text(pair->key), "valid_until", end),
                           failure);
    (void)printf("The client CA is made, valid until %s:\n"
                 "  %s  its certificate\n"
                 "  %s  its private key: whoever has it can make certificates\n"
                 "Name the certificate in [api] client_ca (or add it to that file), and restart\n"
                 "provisiond. Then: provctl station enroll NAME --out-dir DIR\n",
                 end, pair->certificate, pair->key);
    return ERR_OK;
}

/* Only the last part of the path is made: who misspells a path shall see it. */
static enum error make_folder(const char *folder, bool *ret_made, struct failure *failure)
{
    *ret_made = mkdir(folder, FOLDER_MODE) == 0;
    if (*ret_made || errno == EEXIST)
        return ERR_OK;
    return failure_set_plain(failure, ERR_CONFIG, "The folder %s cannot be made: %s", folder,
                             strerror(errno));
}

/* On failure no folder stays that was not there before. */
static enum error write_pair(const char *folder, const struct key_pair *pair,
                             const struct issued *issued, struct failure *failure)
{
    bool is_made = false;
    enum error e = make_folder(folder, &is_made, failure);
    if (e == ERR_OK)
        e = key_pair_write(pair, issued, failure);
    if (e != ERR_OK && is_made)
        (void)rmdir(folder);
    return e;
}

enum error command_ca_new(const struct arguments *arguments, struct failure *failure)
{
    ISSUED_AUTO issued = {.key = NULL};
    struct key_pair pair;
    int64_t days = DAYS_DEFAULT;
    const char *name = arguments_get_or(arguments, OPTION_CA_NAME, NAME_DEFAULT);
    enum error e = key_pair_name(arguments_get(arguments, OPTION_NEW_DIR), "ca", &pair, failure);
    if (e == ERR_OK && arguments_has(arguments, OPTION_DAYS))
        e = arguments_get_number(arguments, OPTION_DAYS, 1, ISSUER_DAYS_MAX, &days, failure);
    if (e == ERR_OK)
        e = issuer_make(name, days, &issued, failure);
    if (e == ERR_OK)
        e = write_pair(arguments_get(arguments, OPTION_NEW_DIR), &pair, &issued, failure);
    return e == ERR_OK ? print_made(arguments, &pair, issued.end, failure) : e;
}
