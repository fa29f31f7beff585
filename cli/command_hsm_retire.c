/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl hsm retire: the end of this HSM's journal, and with --destroy-keys of its keys. Says what
 * that means first: the journal ends by a word that is typed, the keys by the HSM's own identity.
 * Owns no state.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/confirm.h"
#include "cli/output.h"

static enum error read_identity(const struct arguments *arguments, enum option_id option,
                                struct sha256 *ret_identity, struct failure *failure)
{
    const char *text = arguments_get(arguments, option);
    if (strlen(text) == SHA256_HEX_SIZE - 1 && hex_decode(text, ret_identity->bytes, SHA256_SIZE))
        return ERR_OK;
    return failure_set_usage(failure,
                             "--%s wants the identity of an HSM, as provctl status shows it there: "
                             "64 lower-case hex digits",
                             arguments_name(option));
}

/* ---- the journal ---- */

static const struct confirmation END = {
    "The journal of this HSM ends for ever. Nothing is licensed, granted or recorded here any "
    "more,\n"
    "and no restart, backup or override brings it back.\n",
    "retire", "the journal goes on"};

static enum error end_journal(const struct arguments *arguments, struct failure *failure)
{
    Provisiond__HsmRetireRequest retire = PROVISIOND__HSM_RETIRE_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    struct sha256 successor;
    ADMIN_REPLY_AUTO reply = NULL;
    enum error e = ERR_OK;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_HSM_RETIRE;
    request.hsm_retire = &retire;
    if (arguments_has(arguments, OPTION_SUCCESSOR)) {
        e = read_identity(arguments, OPTION_SUCCESSOR, &successor, failure);
        retire.successor = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = successor.bytes};
    }
    if (e == ERR_OK)
        e = confirm(arguments, &END, failure);
    if (e == ERR_OK)
        e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:I, s:b}", "journal_index",
                                     (json_int_t)reply->hsm_retire->journal_index, "repeat",
                                     (int)reply->hsm_retire->repeat),
                           failure);
    (void)printf("The journal ended with leaf %" PRId64 "%s. Nothing is licensed here any more.\n",
                 reply->hsm_retire->journal_index,
                 reply->hsm_retire->repeat ? ", as it had before" : "");
    return ERR_OK;
}

/* ---- the keys ---- */

/* On standard error: the result alone is the output. */
static void explain(void)
{
    (void)fputs(
        "Every firmware key of this HSM is destroyed, and its transport key. From none of "
        "the\n"
        "images that were encrypted here a license can be made again, ever, by nobody, with "
        "no\n"
        "backup but one of the HSM itself. Checkpoint keys, anchor and journal stay.\n",
        stderr);
}

static enum error destroy_keys(const struct arguments *arguments, struct failure *failure)
{
    Provisiond__HsmKeysDestroyRequest destroy = PROVISIOND__HSM_KEYS_DESTROY_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    struct sha256 identity;
    ADMIN_REPLY_AUTO reply = NULL;
    enum error e = read_identity(arguments, OPTION_DESTROY_KEYS, &identity, failure);
    if (e != ERR_OK)
        return e;
    explain();
    destroy.hsm_identity = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = identity.bytes};
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_HSM_DESTROY_KEYS;
    request.hsm_destroy_keys = &destroy;
    e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e == ERR_FORBIDDEN && strcmp(failure->check, "hsm-not-retired") == 0)
        return failure_set_plain(failure, e,
                                 "The HSM is not retired, so nothing was destroyed: provctl hsm "
                                 "retire without --destroy-keys comes first");
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(
            json_pack("{s:I}", "destroyed", (json_int_t)reply->hsm_destroy_keys->destroyed),
            failure);
    (void)printf("destroyed=%" PRIu32 "\n", reply->hsm_destroy_keys->destroyed);
    return ERR_OK;
}

enum error command_hsm_retire(const struct arguments *arguments, struct failure *failure)
{
    if (!arguments_has(arguments, OPTION_DESTROY_KEYS))
        return end_journal(arguments, failure);
    if (arguments_has(arguments, OPTION_SUCCESSOR))
        return failure_set_usage(failure, "--successor is told when the journal ends, not when the "
                                          "keys go");
    return destroy_keys(arguments, failure);
}
