/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl journal override: to go on with a ledger that the HSM does not know. Says what that means
 * before it asks, and asks nobody: scripts are to be able to do it. Owns no state.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/admin.h"
#include "cli/anchor.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/principal.h"
#include "cli/product.h"

static enum error read_head(const struct arguments *arguments, enum option_id option,
                            struct journal_head *ret_head, struct failure *failure)
{
    if (head_parse(arguments_get(arguments, option), ret_head))
        return ERR_OK;
    return failure_set_usage(failure,
                             "--%s wants SIZE:ROOT as provctl status shows it: a number of leaves, "
                             "and 64 lower-case hex digits",
                             arguments_name(option));
}

/* On standard error: the result alone is the output. */
static void explain(const struct journal_head *anchor, const struct journal_head *head)
{
    (void)fprintf(stderr, "The HSM remembers a journal of %" PRId64 " leaves. ", anchor->size);
    if (head->size < anchor->size)
        (void)fprintf(stderr, "This ledger was found with %" PRId64 ": %" PRId64 " are missing.\n",
                      head->size, anchor->size - head->size);
    else
        (void)fprintf(stderr,
                      "This ledger was found with %" PRId64 ", and other\n"
                      "ones among them than those.\n",
                      head->size);
    (void)fputs("An override goes on with this ledger. Licenses that only the other one counted "
                "were\n"
                "issued and are charged no more; grants that only the other one had do not count "
                "here.\n"
                "The override itself stays in the journal for ever, where every auditor sees it.\n",
                stderr);
}

static Provisiond__JournalHead make_message(struct journal_head *head)
{
    Provisiond__JournalHead message = PROVISIOND__JOURNAL_HEAD__INIT;
    message.size = head->size;
    message.root = (ProtobufCBinaryData){.data = head->root.bytes, .len = SHA256_SIZE};
    return message;
}

static enum error ask(const struct arguments *arguments, struct journal_head *anchor,
                      struct journal_head *head, int64_t *ret_index, struct failure *failure)
{
    Provisiond__JournalOverrideRequest override = PROVISIOND__JOURNAL_OVERRIDE_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    Provisiond__JournalHead anchor_message = make_message(anchor);
    Provisiond__JournalHead head_message = make_message(head);
    ADMIN_REPLY_AUTO reply = NULL;
    override.anchor = &anchor_message;
    override.head = &head_message;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_JOURNAL_OVERRIDE;
    request.journal_override = &override;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e == ERR_OK)
        *ret_index = reply->journal_override->journal_index;
    return e;
}

/* Whose consent may be the one that is missing. */
static void name_governed(const struct arguments *arguments, struct failure *failure)
{
    char names[FAILURE_WHAT_MAX / 2];
    json_t *governed = product_list_governed(arguments);
    principal_join(governed, "", names, sizeof names);
    json_decref(governed);
    if (names[0] != '\0')
        (void)snprintf(
            failure->advice, sizeof failure->advice,
            "Governed here: %s; provctl grant list NAME shows whether its override came.", names);
}

enum error command_journal_override(const struct arguments *arguments, struct failure *failure)
{
    struct journal_head anchor;
    struct journal_head head;
    int64_t index = 0;
    enum error e = read_head(arguments, OPTION_ANCHOR, &anchor, failure);
    if (e == ERR_OK)
        e = read_head(arguments, OPTION_HEAD, &head, failure);
    if (e != ERR_OK)
        return e;
    explain(&anchor, &head);
    e = ask(arguments, &anchor, &head, &index, failure);
    if (e == ERR_FORBIDDEN && strcmp(failure->check, "product-governed") == 0)
        name_governed(arguments, failure);
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:I}", "journal_index", (json_int_t)index), failure);
    (void)printf("The override is leaf %" PRId64 " of the journal. The vault goes on.\n", index);
    return ERR_OK;
}
