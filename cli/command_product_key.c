/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl product rotate-key and destroy-key. A rotation is asked for in steps until it is
 * finished, each of them a second long, so that it may have as many images as it likes. Owns no
 * state.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/confirm.h"
#include "cli/output.h"
#include "core/clock.h"

#define GENERATION_MAX  1000000000
#define KEY_ID_BYTES    16
#define KEY_ID_HEX_SIZE (2 * KEY_ID_BYTES + 1)
#define MEANING_MAX     512

/* ---- rotation ---- */

/* What it came to. */
struct rotated {
    int64_t generation;
    uint64_t images;
    char key[KEY_ID_HEX_SIZE];
};

static void show_progress(const Provisiond__ProductKeyRotateReply *reply)
{
    if (isatty(STDERR_FILENO) != 0)
        (void)fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " session keys%s", reply->images_done,
                      reply->images, reply->finished ? "\n" : "");
}

static enum error take(const Provisiond__ProductKeyRotateReply *reply, struct rotated *rotated,
                       struct failure *failure)
{
    if (reply->new_key.len != KEY_ID_BYTES || reply->generation < 2)
        return failure_set_plain(failure, ERR_INTERNAL,
                                 "The vault's answer names no firmware key. Are the versions "
                                 "equal?");
    rotated->generation = reply->generation;
    rotated->images = reply->images;
    hex_encode(bytes_of(reply->new_key.data, KEY_ID_BYTES), rotated->key);
    return ERR_OK;
}

static enum error rotate(const struct arguments *arguments, struct rotated *rotated,
                         struct failure *failure)
{
    Provisiond__ProductKeyRotateRequest rotate = PROVISIOND__PRODUCT_KEY_ROTATE_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    bool is_finished = false;
    enum error e = ERR_OK;
    rotate.product = (char *)(uintptr_t)arguments->operands[0];
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_PRODUCT_KEY_ROTATE;
    request.product_key_rotate = &rotate;
    while (e == ERR_OK && !is_finished) {
        ADMIN_REPLY_AUTO reply = NULL;
        rotate.generation = rotated->generation; /* once it is known, no other one */
        e = admin_ask(arguments, &request, -1, &reply, failure);
        if (e == ERR_OK)
            e = take(reply->product_key_rotate, rotated, failure);
        if (e != ERR_OK)
            break;
        is_finished = reply->product_key_rotate->finished;
        show_progress(reply->product_key_rotate);
    }
    return e;
}

enum error command_product_rotate_key(const struct arguments *arguments, struct failure *failure)
{
    struct rotated rotated = {0};
    enum error e = ERR_OK;
    if (arguments_has(arguments, OPTION_GENERATION))
        e = arguments_get_number(arguments, OPTION_GENERATION, 2, GENERATION_MAX,
                                 &rotated.generation, failure);
    if (e == ERR_OK)
        e = rotate(arguments, &rotated, failure);
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:o, s:I, s:s, s:I}", "product",
                                     output_text(arguments->operands[0]), "generation",
                                     (json_int_t)rotated.generation, "key", rotated.key, "images",
                                     (json_int_t)rotated.images),
                           failure);
    (void)printf("The firmware key of %s is %s now (generation %" PRId64 "). The one before it is "
                 "retired; backups from before need it.\n",
                 arguments->operands[0], rotated.key, rotated.generation);
    return ERR_OK;
}

/* ---- the end ---- */

static enum error read_end(const struct arguments *arguments,
                           Provisiond__ProductKeyDestroyRequest *end, uint8_t key[KEY_ID_BYTES],
                           struct failure *failure)
{
    const char *hex = arguments->operands[1];
    if (strlen(hex) != KEY_ID_HEX_SIZE - 1 || !hex_decode(hex, key, KEY_ID_BYTES))
        return failure_set_usage(failure, "KEY is 32 hex digits, as provctl hsm keys prints them");
    if (!timestamp_parse(arguments_get(arguments, OPTION_NO_BACKUP_BEFORE),
                         &end->no_backup_before_unix_ms))
        return failure_set_usage(
            failure, "--no-backup-before wants a time in UTC like 2026-11-27T10:00:00Z");
    end->product = (char *)(uintptr_t)arguments->operands[0];
    end->key = (ProtobufCBinaryData){.len = KEY_ID_BYTES, .data = key};
    return ERR_OK;
}

static enum error confirm_end(const struct arguments *arguments, struct failure *failure)
{
    char meaning[MEANING_MAX];
    (void)snprintf(meaning, sizeof meaning,
                   "The HSM destroys the firmware key %s of %s for ever. A backup from\n"
                   "before its rotation is worthless then: no license can be issued from it any "
                   "more.\n",
                   arguments->operands[1], arguments->operands[0]);
    const struct confirmation confirmation = {meaning, "destroy", "nothing was destroyed"};
    return confirm(arguments, &confirmation, failure);
}

enum error command_product_destroy_key(const struct arguments *arguments, struct failure *failure)
{
    Provisiond__ProductKeyDestroyRequest end = PROVISIOND__PRODUCT_KEY_DESTROY_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    uint8_t key[KEY_ID_BYTES];
    enum error e = read_end(arguments, &end, key, failure);
    if (e == ERR_OK)
        e = confirm_end(arguments, failure);
    if (e != ERR_OK)
        return e;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_PRODUCT_KEY_DESTROY;
    request.product_key_destroy = &end;
    e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:o, s:I, s:s}", "product",
                                     output_text(arguments->operands[0]), "generation",
                                     (json_int_t)reply->product_key_destroy->generation, "key",
                                     arguments->operands[1]),
                           failure);
    (void)printf("The firmware key %s of %s (generation %" PRId64 ") is destroyed.\n",
                 arguments->operands[1], arguments->operands[0],
                 reply->product_key_destroy->generation);
    return ERR_OK;
}
