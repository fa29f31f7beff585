/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl init: the identity of an HSM. Owns no state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/file_output.h"
#include "cli/output.h"
#include "cli/public_key.h"

/* The two files of --out-dir, opened before the HSM is asked for anything. */
struct key_files {
    char paths[2][PATH_MAX];
    struct file_output outputs[2];
};

static void close_key_files(struct key_files *files)
{
    file_output_clear(&files->outputs[0]);
    file_output_clear(&files->outputs[1]);
}

static enum error open_key_files(const char *folder, struct key_files *files,
                                 struct failure *failure)
{
    static const char *const names[] = {"checkpoint.pub.pem", "transport.pub.pem"};
    enum error e = ERR_OK;
    for (size_t i = 0; folder != NULL && i < 2 && e == ERR_OK; i++) {
        int n = snprintf(files->paths[i], PATH_MAX, "%s/%s", folder, names[i]);
        if (n >= PATH_MAX)
            e = failure_set_usage(failure, "The path of --out-dir is too long");
        else
            e = file_output_open(files->paths[i], &files->outputs[i], failure);
    }
    return e;
}

static enum error print_identity(const Provisiond__AdminInitReply *reply, bool is_json,
                                 struct failure *failure)
{
    struct sha256 identity;
    char hex[SHA256_HEX_SIZE];
    enum error e = admin_read_digest(reply->hsm_identity, &identity, failure);
    if (e != ERR_OK)
        return e;
    hex_encode(bytes_of(identity.bytes, SHA256_SIZE), hex);
    if (is_json)
        return output_json(json_pack("{s:s}", "hsm_identity", hex), failure);
    (void)puts(hex);
    return ERR_OK;
}

enum error command_init(const struct arguments *arguments, struct failure *failure)
{
    Provisiond__AdminInitRequest init = PROVISIOND__ADMIN_INIT_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    __attribute__((cleanup(close_key_files))) struct key_files files = {0};
    init.site = (char *)arguments_get(arguments, OPTION_SITE);
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_INIT;
    request.init = &init;
    enum error e = open_key_files(arguments_get(arguments, OPTION_OUT_DIR), &files, failure);
    if (e == ERR_OK)
        e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e == ERR_OK && arguments_has(arguments, OPTION_OUT_DIR)) {
        e = public_key_write(&files.outputs[0], reply->init->checkpoint_spki, failure);
        if (e == ERR_OK)
            e = public_key_write(&files.outputs[1], reply->init->transport_spki, failure);
    }
    if (e == ERR_OK)
        e = print_identity(reply->init, arguments_has(arguments, OPTION_JSON), failure);
    return e;
}
