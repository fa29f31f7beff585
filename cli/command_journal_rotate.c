/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl journal rotate-key: another checkpoint key signs from now on. Owns no state. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/file_output.h"
#include "cli/output.h"
#include "cli/public_key.h"

static enum error read_old_key(const struct arguments *arguments, struct sha256 *ret_key,
                               struct failure *failure)
{
    const char *text = arguments->operands[0];
    if (strlen(text) == SHA256_HEX_SIZE - 1 && hex_decode(text, ret_key->bytes, SHA256_SIZE))
        return ERR_OK;
    return failure_set_usage(failure, "KEY is the checkpoint key that signs now, as provctl status "
                                      "shows it: 64 lower-case hex digits");
}

static enum error ask(const struct arguments *arguments, struct sha256 *old_key,
                      Provisiond__AdminReply **ret_reply, struct failure *failure)
{
    Provisiond__JournalRotateKeyRequest rotate = PROVISIOND__JOURNAL_ROTATE_KEY_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    rotate.old_key = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = old_key->bytes};
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_JOURNAL_ROTATE_KEY;
    request.journal_rotate_key = &rotate;
    return admin_ask(arguments, &request, -1, ret_reply, failure);
}

static enum error print(const struct arguments *arguments,
                        const Provisiond__JournalRotateKeyReply *reply, struct failure *failure)
{
    char hex[SHA256_HEX_SIZE];
    const struct sha256 key = sha256_of(bytes_of(reply->spki.data, reply->spki.len));
    hex_encode(bytes_of(key.bytes, SHA256_SIZE), hex);
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:I, s:s, s:I, s:b}", "generation",
                                     (json_int_t)reply->generation, "key", hex, "journal_index",
                                     (json_int_t)reply->journal_index, "repeat",
                                     (int)reply->repeat),
                           failure);
    (void)printf("generation=%" PRId64 " key=%s leaf=%" PRId64 "%s\n", reply->generation, hex,
                 reply->journal_index, reply->repeat ? " repeat" : "");
    return ERR_OK;
}

enum error command_journal_rotate_key(const struct arguments *arguments, struct failure *failure)
{
    FILE_OUTPUT_AUTO output = {.path = NULL};
    ADMIN_REPLY_AUTO reply = NULL;
    struct sha256 old_key;
    bool has_file = arguments_has(arguments, OPTION_OUT);
    enum error e = read_old_key(arguments, &old_key, failure);
    if (e == ERR_OK && has_file)
        e = file_output_open(arguments_get(arguments, OPTION_OUT), &output, failure);
    if (e == ERR_OK)
        e = ask(arguments, &old_key, &reply, failure);
    if (e == ERR_OK && has_file)
        e = public_key_write(&output, reply->journal_rotate_key->spki, failure);
    return e == ERR_OK ? print(arguments, reply->journal_rotate_key, failure) : e;
}
