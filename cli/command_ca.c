/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl ca new and ca server: a CA of its own for a small site. Owns no state. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/file_output.h"
#include "cli/issuer.h"
#include "cli/key_pair.h"
#include "cli/output.h"
#include "cli/server_names.h"
#include "cli/site_ca.h"

#define NAME_DEFAULT        "Local client CA"
#define DAYS_DEFAULT        3650
#define SERVER_DAYS_DEFAULT 825
#define FOLDER_MODE         0700
#define GROUP_READS         0640

/* ---- the server's ---- */

/* A folder that hands on its group (setgid) is one that the server's group reads its key in. */
static enum error share_key(const char *folder, const struct key_pair *pair,
                            struct failure *failure)
{
    struct stat info;
    if (stat(folder, &info) == 0 &&
        ((info.st_mode & S_ISGID) == 0 || chmod(pair->key, GROUP_READS) == 0))
        return ERR_OK;
    return failure_set_plain(failure, ERR_CONFIG,
                             "%s cannot be given to the group of its folder: %s", pair->key,
                             strerror(errno));
}

/* Both files under the pair's names, or none. */
static enum error write_server(const struct issuer *issuer, const struct server_names *names,
                               int64_t days, const char *folder, const struct key_pair *pair,
                               char ret_end[ISSUER_END_SIZE], struct failure *failure)
{
    ISSUED_AUTO issued = {.key = NULL};
    enum error e =
        issuer_issue_server(issuer, names->first, names->alternatives, days, &issued, failure);
    if (e == ERR_OK)
        e = key_pair_write(pair, &issued, failure);
    if (e != ERR_OK)
        return e;
    e = share_key(folder, pair, failure);
    if (e != ERR_OK)
        key_pair_remove(pair);
    else
        (void)snprintf(ret_end, ISSUER_END_SIZE, "%s", issued.end);
    return e;
}

static void print_server(const struct key_pair *pair, const char *end)
{
    (void)printf("The server's certificate is made, valid until %s:\n"
                 "  %s  its certificate ([api] certificate)\n"
                 "  %s  its private key ([api] key), which provisiond must be able to read\n",
                 end, pair->certificate, pair->key);
}

/* The key first: while the two do not fit, provisiond goes on with those that it has. */
static enum error replace(const struct key_pair *from, const struct key_pair *to,
                          struct failure *failure)
{
    enum error e = file_output_rename(from->key, to->key, failure);
    return e == ERR_OK ? file_output_rename(from->certificate, to->certificate, failure) : e;
}

enum error command_ca_server(const struct arguments *arguments, struct failure *failure)
{
    ISSUER_AUTO issuer = NULL;
    struct server_names names;
    struct key_pair made;
    struct key_pair pair;
    int64_t days = SERVER_DAYS_DEFAULT;
    char end[ISSUER_END_SIZE];
    const char *folder = arguments_get(arguments, OPTION_NEW_DIR);
    enum error e = server_names_parse(arguments->operands[0], &names, failure);
    if (e == ERR_OK && arguments_has(arguments, OPTION_DAYS))
        e = arguments_get_number(arguments, OPTION_DAYS, 1, ISSUER_DAYS_MAX, &days, failure);
    if (e == ERR_OK)
        e = key_pair_name(folder, "server", &pair, failure);
    if (e == ERR_OK)
        e = key_pair_name(folder, "server-new", &made, failure);
    if (e == ERR_OK)
        e = site_ca_open(arguments, &issuer, failure);
    if (e == ERR_OK)
        e = write_server(issuer, &names, days, folder, &made, end, failure);
    if (e == ERR_OK)
        e = replace(&made, &pair, failure);
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:o, s:o, s:s}", "certificate",
                                     output_text(pair.certificate), "private_key",
                                     output_text(pair.key), "valid_until", end),
                           failure);
    print_server(&pair, end);
    (void)puts("provisiond takes them within a second.");
    return ERR_OK;
}

/* ---- the CA ---- */

struct made {
    struct key_pair ca;
    char end[ISSUER_END_SIZE];
    bool has_server;
    struct key_pair server;
    char server_end[ISSUER_END_SIZE];
};

static enum error print_made(const struct arguments *arguments, const struct made *made,
                             struct failure *failure)
{
    const struct key_pair *server = made->has_server ? &made->server : NULL;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(
            json_pack("{s:o, s:o, s:s, s:o*, s:o*, s:s*}", "certificate",
                      output_text(made->ca.certificate), "private_key", output_text(made->ca.key),
                      "valid_until", made->end, "server_certificate",
                      server != NULL ? output_text(server->certificate) : NULL,
                      "server_private_key", server != NULL ? output_text(server->key) : NULL,
                      "server_valid_until", server != NULL ? made->server_end : NULL),
            failure);
    (void)printf("The CA is made, valid until %s:\n"
                 "  %s  its certificate ([api] client_ca, and what callers give to --ca)\n"
                 "  %s  its private key: whoever has it can make certificates\n",
                 made->end, made->ca.certificate, made->ca.key);
    if (server != NULL)
        print_server(server, made->server_end);
    (void)puts("Where provisiond runs already, reload it (systemctl reload provisiond): then it\n"
               "reads [api] client_ca anew.\n"
               "Then: provctl station enroll NAME --out-dir DIR");
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

static enum error write_first_server(const struct arguments *arguments, int64_t days,
                                     struct made *made, struct failure *failure)
{
    ISSUER_AUTO issuer = NULL;
    struct server_names names;
    enum error e = server_names_parse(arguments_get(arguments, OPTION_SERVER), &names, failure);
    if (e == ERR_OK)
        e = issuer_open(made->ca.certificate, made->ca.key, &issuer, failure);
    if (e == ERR_OK)
        e = write_server(issuer, &names, days < SERVER_DAYS_DEFAULT ? days : SERVER_DAYS_DEFAULT,
                         arguments_get(arguments, OPTION_NEW_DIR), &made->server, made->server_end,
                         failure);
    return e;
}

/* All files, or none. */
static enum error write_pairs(const struct arguments *arguments, const struct issued *ca,
                              int64_t days, struct made *made, struct failure *failure)
{
    enum error e = key_pair_write(&made->ca, ca, failure);
    if (e != ERR_OK || !made->has_server)
        return e;
    e = write_first_server(arguments, days, made, failure);
    if (e != ERR_OK)
        key_pair_remove(&made->ca);
    return e;
}

/* On failure no folder stays that was not there before. */
static enum error write_all(const struct arguments *arguments, const struct issued *ca,
                            int64_t days, struct made *made, struct failure *failure)
{
    bool is_made = false;
    const char *folder = arguments_get(arguments, OPTION_NEW_DIR);
    enum error e = make_folder(folder, &is_made, failure);
    if (e == ERR_OK)
        e = write_pairs(arguments, ca, days, made, failure);
    if (e != ERR_OK && is_made)
        (void)rmdir(folder);
    return e;
}

enum error command_ca_new(const struct arguments *arguments, struct failure *failure)
{
    ISSUED_AUTO issued = {.key = NULL};
    struct made made = {.has_server = arguments_has(arguments, OPTION_SERVER)};
    int64_t days = DAYS_DEFAULT;
    const char *folder = arguments_get(arguments, OPTION_NEW_DIR);
    enum error e = key_pair_name(folder, "ca", &made.ca, failure);
    if (e == ERR_OK)
        e = key_pair_name(folder, "server", &made.server, failure);
    if (e == ERR_OK && arguments_has(arguments, OPTION_DAYS))
        e = arguments_get_number(arguments, OPTION_DAYS, 1, ISSUER_DAYS_MAX, &days, failure);
    if (e == ERR_OK)
        e = issuer_make(arguments_get_or(arguments, OPTION_CA_NAME, NAME_DEFAULT), days, &issued,
                        failure);
    if (e == ERR_OK)
        e = write_all(arguments, &issued, days, &made, failure);
    if (e != ERR_OK)
        return e;
    (void)snprintf(made.end, sizeof made.end, "%s", issued.end);
    return print_made(arguments, &made, failure);
}
