/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Sends images that were encrypted elsewhere, whole and altered. */
#include "incoming.h"

#include <string.h>
#include <unistd.h>

#include "handover/handover.h"
#include "vault/hsm_watch.h"
#include "vault/state.h"

#define LONG_65 "01234567890123456789012345678901234567890123456789012345678901234"
#define LONG_16 "sixteen-letters-"

struct incoming incoming;

void incoming_set_up(const struct incoming_way *way)
{
    struct hsm_status status;
    struct fault fault;
    incoming.way = way;
    vault_rig_make(&incoming.rig);
    vault_rig_start(&incoming.rig);
    hsm_watch_refresh(incoming.rig.vault->watch);
    ck_assert_int_eq(hsm_watch_get(incoming.rig.vault->watch, &status, &fault), ERR_OK);
    incoming.transport = status.transport;
}

void incoming_tear_down(void)
{
    ck_assert_uint_eq(hsm_rig_count_events(&incoming.rig.hsm, "hsm-worker-lost"), 0);
    vault_rig_remove(&incoming.rig);
}

/* ---- asking ---- */

enum error incoming_ask(Provisiond__AdminRequest__OpCase op, void *body, int file,
                        Provisiond__AdminReply **ret_reply, struct fault *fault)
{
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    request.op_case = op;
    request.image_import = body; /* the members of the union are all pointers */
    return vault_admin_call(incoming.rig.admin, &request, file, deadline_in(RIG_WAIT_MS), ret_reply,
                            NULL, fault);
}

static bool is_new(const Provisiond__AdminReply *reply)
{
    return reply->result_case == PROVISIOND__ADMIN_REPLY__RESULT_IMAGE_IMPORT
               ? reply->image_import->is_new
               : reply->standby_import->is_new;
}

enum error incoming_send(const char *content, off_t offset, bool *ret_is_new, struct fault *fault)
{
    Provisiond__AdminReply *reply = NULL;
    int file = content != NULL ? hsm_rig_make_file(content, strlen(content)) : -1;
    ck_assert(file < 0 || lseek(file, offset, SEEK_SET) == offset);
    enum error e = incoming_ask(incoming.way->op, incoming.way->request, file, &reply, fault);
    if (e == ERR_OK)
        *ret_is_new = is_new(reply);
    vault_admin_reply_free(reply);
    if (file >= 0)
        (void)close(file);
    return e;
}

int64_t incoming_images(void)
{
    return vault_rig_query(&incoming.rig, "SELECT count(*) FROM image");
}

void incoming_claim_refused(const char *content, enum error code, const char *reason)
{
    const int64_t before = incoming_images();
    struct fault fault = {0};
    bool ignored = false;
    ck_assert_int_eq(incoming_send(content, 0, &ignored, &fault), code);
    ck_assert_str_eq(fault.reason, reason);
    ck_assert_int_eq(incoming_images(), before);
}

/* Of each change alone, up to the NULL behind them. */
static void claim_each_refused(void (*const changes[])(void), const char *reason)
{
    for (size_t i = 0; changes[i] != NULL; i++) {
        incoming.way->fill();
        changes[i]();
        incoming_claim_refused(INCOMING_CONTENT, ERR_BAD_REQUEST, reason);
    }
}

/* ---- what is altered ---- */

static uint8_t changed[HANDOVER_POINT_BYTES];

static void flip(ProtobufCBinaryData *member, size_t at)
{
    memcpy(changed, member->data, member->len);
    changed[at] ^= 1;
    member->data = changed;
}

static void other_image(void)
{
    flip(incoming.way->image, 0);
}
static void other_size(void)
{
    ++*incoming.way->size;
}
static void other_label(void)
{
    *incoming.way->label = vault_rig_text("2.1");
}
static void other_iv(void)
{
    flip(incoming.way->iv, 0);
}
static void other_tag(void)
{
    flip(incoming.way->tag, incoming.way->tag->len - 1);
}
static void other_key(void)
{
    flip(incoming.way->key, 20);
}
/* The HSM's own, for want of another one on the curve. */
static void other_point(void)
{
    const struct hsm_spki *own = &incoming.transport;
    *incoming.way->point =
        vault_rig_data(own->der + own->length - HANDOVER_POINT_BYTES, HANDOVER_POINT_BYTES);
}
static void other_content(void)
{
    memset(changed, 0, HANDOVER_IV_MAX);
    *incoming.way->content = vault_rig_text("aes-256-cbc");
    *incoming.way->iv = vault_rig_data(changed, HANDOVER_IV_MAX);
    incoming.way->tag->len = 0;
}

static void (*const ALTERATIONS[])(void) = {other_image, other_size,    other_label,
                                            other_iv,    other_tag,     other_key,
                                            other_point, other_content, NULL};

void incoming_claim_bound(void (*const changes[])(void))
{
    claim_each_refused(ALTERATIONS, "import-refused");
    claim_each_refused(changes, "import-refused");
}

/* ---- what is out of its limits ---- */

static void short_transport_key(void)
{
    incoming.way->transport_key->len = SHA256_SIZE - 1;
}
static void short_authorities(void)
{
    *incoming.way->authorities = vault_rig_data(changed, SHA256_SIZE - 1);
}
static void no_image(void)
{
    incoming.way->image->len = 0;
}
static void no_size(void)
{
    *incoming.way->size = 0;
}
static void negative_size(void)
{
    *incoming.way->size = -1;
}
static void long_label(void)
{
    *incoming.way->label = vault_rig_text(LONG_65);
}
static void long_product(void)
{
    *incoming.way->product = vault_rig_text(LONG_65);
}
static void line_in_product(void)
{
    *incoming.way->product = vault_rig_text("widget\n");
}
static void long_profile(void)
{
    *incoming.way->profile = vault_rig_text(LONG_16);
}
static void line_in_profile(void)
{
    *incoming.way->profile = vault_rig_text("cms\n");
}
static void long_content(void)
{
    *incoming.way->content = vault_rig_text(LONG_16);
}
static void line_in_content(void)
{
    *incoming.way->content = vault_rig_text("aes-256-gcm\n");
}
static void long_iv(void)
{
    *incoming.way->iv = vault_rig_data(changed, HANDOVER_IV_MAX + 1);
}
static void short_tag(void)
{
    incoming.way->tag->len = HANDOVER_TAG_BYTES - 1;
}
static void short_point(void)
{
    incoming.way->point->len = HANDOVER_POINT_BYTES - 1;
}
static void long_key(void)
{
    *incoming.way->key = vault_rig_data(changed, HANDOVER_KEY_MAX + 1);
}

static void (*const EXCESSES[])(void) = {short_transport_key,
                                         short_authorities,
                                         no_image,
                                         no_size,
                                         negative_size,
                                         long_label,
                                         long_product,
                                         line_in_product,
                                         long_profile,
                                         line_in_profile,
                                         long_content,
                                         line_in_content,
                                         long_iv,
                                         short_tag,
                                         short_point,
                                         long_key,
                                         NULL};

void incoming_claim_limits(void (*const changes[])(void))
{
    claim_each_refused(EXCESSES, incoming.way->out_of_limits);
    claim_each_refused(changes, incoming.way->out_of_limits);
}

/* ---- what is for somebody else, or not there ---- */

static void claim_words_for_keys(void)
{
    const struct incoming_way *way = incoming.way;
    way->fill();
    flip(way->transport_key, 0);
    incoming_claim_refused(INCOMING_CONTENT, ERR_BAD_REQUEST, "other-transport-key");
    way->fill();
    way->key->len = 24; /* of an AES-128 key, which the profile's licenses do not carry */
    incoming_claim_refused(INCOMING_CONTENT, ERR_BAD_REQUEST, "other-profile");
    way->fill();
    changed[0] = 0x04; /* not on the curve */
    memset(changed + 1, 7, HANDOVER_POINT_BYTES - 1);
    *way->point = vault_rig_data(changed, HANDOVER_POINT_BYTES);
    incoming_claim_refused(INCOMING_CONTENT, ERR_BAD_REQUEST, "peer-point");
}

void incoming_claim_words(void)
{
    claim_words_for_keys();
    incoming.way->fill();
    incoming_claim_refused(NULL, ERR_BAD_REQUEST, "image-missing");
    incoming.way->fill();
    incoming_claim_refused(INCOMING_CONTENT "!", ERR_BAD_REQUEST, "image-size");
    incoming.way->fill();
    incoming_claim_refused("An encrypted image, as far as anybody can see", ERR_BAD_REQUEST,
                           "image-differs");
}
