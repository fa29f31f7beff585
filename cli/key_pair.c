/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A key's two files. Owns no state. */
#include "cli/key_pair.h"

#include <string.h>
#include <unistd.h>

#include "cli/file_output.h"

#define KEY_MODE         0600
#define CERTIFICATE_MODE 0644

static bool join(const char *folder, const char *name, const char *end, char out[PATH_MAX])
{
    int n = snprintf(out, PATH_MAX, "%s/%s%s", folder, name, end);
    return n > 0 && n < PATH_MAX;
}

enum error key_pair_name(const char *folder, const char *name, struct key_pair *ret_pair,
                         struct failure *failure)
{
    struct key_pair pair;
    if (folder[0] == '\0' || !join(folder, name, ".pem", pair.certificate) ||
        !join(folder, name, ".key", pair.key))
        return failure_set_usage(failure, "--out-dir wants the path of a folder");
    *ret_pair = pair;
    return ERR_OK;
}

enum error key_pair_write(const struct key_pair *pair, const struct issued *issued,
                          struct failure *failure)
{
    enum error e = file_output_create(pair->key, KEY_MODE,
                                      bytes_of(issued->key, strlen(issued->key)), failure);
    if (e != ERR_OK)
        return e;
    e = file_output_create(pair->certificate, CERTIFICATE_MODE,
                           bytes_of(issued->certificate, strlen(issued->certificate)), failure);
    if (e != ERR_OK)
        (void)unlink(pair->key);
    return e;
}

void key_pair_remove(const struct key_pair *pair)
{
    (void)unlink(pair->certificate);
    (void)unlink(pair->key);
}
