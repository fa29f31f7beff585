/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One image out of another HSM's file of session keys. Owns no state. */
#include <string.h>

#include "handover/handover.h"
#include "vault/hsm_watch.h"
#include "vault/take_in.h"

/* One import on its way. */
struct import {
    struct handover_header header;
    struct handover_image image;
};

/* ---- the request ---- */

static bool read_header(const Provisiond__StandbyImportRequest *asked,
                        struct handover_header *header)
{
    header->images = asked->images;
    header->made_unix_ms = asked->made_unix_ms;
    return admin_read_digest(&asked->hsm, &header->hsm) &&
           admin_read_digest(&asked->standby, &header->standby) &&
           admin_read_digest(&asked->transport_key, &header->transport_key) &&
           take_in_text(asked->product, header->product, sizeof header->product) &&
           take_in_text(asked->profile, header->profile, sizeof header->profile) &&
           take_in_bytes(&asked->authorities, header->authorities, sizeof header->authorities,
                         &header->authorities_length) &&
           header->authorities_length % SHA256_SIZE == 0 &&
           name_is_valid(header->product, HANDOVER_NAME_MAX) &&
           name_is_valid(header->profile, HANDOVER_PROFILE_MAX);
}

/* A name has no line end: what a key is bound to is told apart by them. */
static bool read_image(const Provisiond__StandbyImportRequest *asked, struct handover_image *image)
{
    image->size = asked->size;
    image->created_unix_ms = asked->created_unix_ms;
    image->is_enabled = asked->enabled;
    return admin_read_digest(&asked->image, &image->digest) && image->size > 0 &&
           take_in_text(asked->label, image->label, sizeof image->label) &&
           take_in_text(asked->alias, image->alias, sizeof image->alias) &&
           (image->alias[0] == '\0' || name_is_valid(image->alias, HANDOVER_NAME_MAX)) &&
           take_in_text(asked->content, image->content, sizeof image->content) &&
           (image->content[0] == '\0' || name_is_valid(image->content, HANDOVER_CONTENT_MAX)) &&
           take_in_bytes(&asked->iv, image->iv, sizeof image->iv, &image->iv_length) &&
           take_in_bytes(&asked->tag, image->tag, sizeof image->tag, &image->tag_length) &&
           (image->tag_length == 0 || image->tag_length == sizeof image->tag) &&
           take_in_exact(&asked->point, image->point, sizeof image->point) &&
           take_in_bytes(&asked->key, image->key, sizeof image->key, &image->key_length);
}

/* ---- is it for us ---- */

static enum error check_address(struct admin_task *task, const struct import *import)
{
    struct ledger_info info;
    enum error e = ledger_info(task->vault->ledger, &info, &task->fault);
    if (e != ERR_OK)
        return e;
    if (!info.is_initialised || !sha256_equal(&info.hsm_identity, &import->header.standby))
        return admin_refuse_field(task, "other-hsm",
                                  "The session keys were exported for another HSM than this one.");
    return take_in_check_key(task, &import->header.transport_key);
}

/* ---- the image ---- */

static void fill_image(const struct handover_image *from, struct ledger_image *image)
{
    image->digest = from->digest;
    image->size = from->size;
    image->iv_length = from->iv_length;
    image->tag_length = from->tag_length;
    image->created_unix_ms = from->created_unix_ms;
    image->is_enabled = from->is_enabled;
    strcpy(image->label, from->label);
    strcpy(image->alias, from->alias);
    strcpy(image->content, from->content);
    memcpy(image->iv, from->iv, from->iv_length);
    memcpy(image->tag, from->tag, from->tag_length);
}

static enum error take_in(struct admin_task *task, const struct import *import, bool *ret_is_new)
{
    const struct handover_image *image = &import->image;
    uint8_t info[HANDOVER_INFO_BYTES];
    struct take_in in = {
        .name = import->header.product,
        .profile = import->header.profile,
        .hsm = &import->header.hsm,
        .authorities = bytes_of(import->header.authorities, import->header.authorities_length),
        .key = {.curve = HSM_P256,
                .ephemeral_point = bytes_of(image->point, sizeof image->point),
                .kdf = HSM_X963_SHA256,
                .shared_info = bytes_of(info, sizeof info),
                .kek_bytes = HANDOVER_KEK_BYTES,
                .key.length = image->key_length}};
    handover_info(&import->header, image, info);
    memcpy(in.key.key.bytes, image->key, image->key_length);
    fill_image(image, &in.image);
    return take_in_image(task, &in, ret_is_new);
}

static enum error import_image(struct admin_task *task)
{
    const Provisiond__StandbyImportRequest *asked = task->request->standby_import;
    Provisiond__StandbyImportReply *reply = &task->result.standby_import;
    struct import import = {0};
    bool is_new = false;
    if (!read_header(asked, &import.header) || !read_image(asked, &import.image))
        return admin_refuse_field(task, "keys-file-form",
                                  "A member of the image or of its file is out of its limits.");
    enum error e = hsm_watch_permits(task->vault->watch, &task->fault);
    if (e == ERR_OK)
        e = check_address(task, &import);
    if (e == ERR_OK)
        e = take_in(task, &import, &is_new);
    if (e != ERR_OK)
        return e;
    provisiond__standby_import_reply__init(reply);
    reply->is_new = is_new;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_STANDBY_IMPORT;
    task->reply.standby_import = reply;
    return ERR_OK;
}

enum error admin_standby_import(struct admin_task *task)
{
    return admin_long_work(task, import_image);
}
