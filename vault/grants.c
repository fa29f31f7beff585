/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A document's way: read, fit, signed, servable, counted. Owns no state. */
#include "vault/grants.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "grant/signed_document.h"
#include "vault/governance.h"
#include "vault/governed_product.h"
#include "vault/hsm_watch.h"
#include "vault/notary.h"
#include "vault/product_make.h"
#include "vault/scope.h"

static_assert((int)GRANT_INSTALL == (int)LEDGER_GRANT_INSTALL &&
                  (int)GRANT_SCRAP == (int)LEDGER_GRANT_SCRAP &&
                  (int)GRANT_REVOKE == (int)LEDGER_GRANT_REVOKE &&
                  (int)GRANT_POLICY == (int)LEDGER_GRANT_POLICY &&
                  (int)GRANT_OVERRIDE == (int)LEDGER_GRANT_OVERRIDE &&
                  (int)GRANT_REBIND == (int)LEDGER_GRANT_REBIND &&
                  (int)GRANT_STANDBY == (int)LEDGER_GRANT_STANDBY,
              "a document's kinds are the ledger's");
static_assert((int)GRANT_PER_DEVICE == (int)LEDGER_PER_DEVICE &&
                  (int)GRANT_PER_LICENSE == (int)LEDGER_PER_LICENSE,
              "a document's policies are the ledger's");
static_assert((size_t)SIGNED_DOCUMENT_MAX < (size_t)LEDGER_DOCUMENT_MAX + 1, "it fits the ledger");
static_assert(AUTHORITY_KEYS_MAX <= LEDGER_SIGNERS_MAX, "its signers fit the ledger");
static_assert(GRANT_SERIAL_MAX <= LEDGER_SERIAL_MAX, "a serial fits the ledger");

#define TURN_TIMEOUT_MS 5000

/* One document on its way. */
struct course {
    struct vault *vault;
    struct bytes bytes;
    const struct grants_bringer *bringer;
    struct signed_document *document; /* owned */
    const struct grant *grant;        /* borrowed from document */
    struct signers signers;
    bool creates; /* the product does not exist, and this is its first policy */
};

static enum error refuse(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_GRANT_REFUSED, reason, detail, 0);
}

/* ---- is it for us, and for what ---- */

static enum error check_scope(const struct course *course, struct fault *fault)
{
    if (course->bringer->scope == NULL)
        return ERR_OK;
    return scope_check_product(course->bringer->scope, course->grant->product, fault);
}

static enum error check_address(const struct course *course, struct fault *fault)
{
    struct ledger_info info;
    enum error e = ledger_info(course->vault->ledger, &info, fault);
    if (e != ERR_OK)
        return e;
    if (!info.is_initialised)
        return fault_set(fault, ERR_NOT_INITIALISED, "not-initialised",
                         "The ledger is not bound to an HSM yet.", 0);
    if (!sha256_equal(&course->grant->hsm, &info.hsm_identity))
        return refuse(fault, "other-hsm", "The document is for another HSM.");
    if (strcmp(course->grant->site, info.site) != 0)
        return refuse(fault, "other-site", "The document is for another site.");
    return ERR_OK;
}

/* The first policy of a product that the HSM remembers, and a restored ledger may not. */
static bool remakes_product(const struct course *course)
{
    const struct grant *grant = course->grant;
    struct fault fault;
    struct sha256 kept;
    bool is_kept = false;
    if (grant->kind != GRANT_POLICY || grant->sequence != 1 ||
        hsm_authority_read(course->vault->hsm, grant->product, &is_kept, &kept, &fault) != ERR_OK)
        return false;
    const struct sha256 named = authority_set_digest(grant->settings.authorities);
    return is_kept && sha256_equal(&kept, &named);
}

/* While the journal does not extend the anchor nothing but the way out of that is taken. */
static enum error check_journal(const struct course *course, struct fault *fault)
{
    enum error e = hsm_watch_permits(course->vault->watch, fault);
    if (e != ERR_OK)
        return e;
    e = notary_permits(course->vault->notary, fault);
    if (e != ERR_ANCHOR_MISMATCH)
        return e;
    if (course->grant->kind == GRANT_OVERRIDE || remakes_product(course))
        return ERR_OK;
    return e;
}

/* What takes units away, and what brings a restored site back, must never wait for room. */
static enum error check_room(const struct course *course, struct fault *fault)
{
    enum error e = ledger_room_permits(course->vault->ledger, 0, fault);
    if (e == ERR_OK || course->grant->kind == GRANT_REVOKE ||
        course->grant->kind == GRANT_OVERRIDE || remakes_product(course))
        return ERR_OK;
    return e;
}

static enum error find_product(struct course *course, struct ledger_product *product,
                               struct fault *fault)
{
    const struct grant *grant = course->grant;
    enum error e = ledger_product_get(course->vault->ledger, grant->product, product, fault);
    bool is_first = grant->kind == GRANT_POLICY && grant->sequence == 1;
    if (e != ERR_PRODUCT_UNKNOWN || !is_first)
        return e;
    if (!course->bringer->may_create)
        return fault_set(fault, ERR_PRODUCT_UNKNOWN, "product-not-made",
                         "This is the first policy of a product that does not exist yet, and no "
                         "product is made over HTTP.",
                         0);
    course->creates = true;
    return ERR_OK;
}

/* A policy that makes a product is judged by the authorities that it names itself. */
static enum error check_signatures(struct course *course, struct fault *fault)
{
    struct ledger_product product;
    enum error e = find_product(course, &product, fault);
    if (e != ERR_OK)
        return e;
    if (course->creates)
        return signed_document_check(course->document, course->grant->settings.authorities,
                                     &course->signers, fault);
    return governance_check_document(course->vault->governance, product.id, course->document,
                                     &course->signers, fault);
}

/* ---- can it be served ---- */

static enum error check_settings(const struct course *course, struct fault *fault)
{
    const struct grant_settings *settings = &course->grant->settings;
    const struct product_wish wish = {.profile = settings->profile,
                                      .anchors =
                                          bytes_of(settings->anchors, strlen(settings->anchors)),
                                      .allows_key_exposure = settings->allows_key_exposure,
                                      .options = settings->options};
    struct fault why;
    if (product_wish_check(&wish, &why) == ERR_OK)
        return ERR_OK;
    return fault_set(fault, ERR_GRANT_REFUSED, "settings", why.detail, why.native);
}

static enum error check_policy(const struct course *course, struct fault *fault)
{
    struct hsm_status status;
    if (course->grant->kind != GRANT_POLICY)
        return ERR_OK;
    enum error e = check_settings(course, fault);
    if (e == ERR_OK)
        e = hsm_watch_get(course->vault->watch, &status, fault);
    if (e == ERR_OK && !status.keeps_data)
        e = refuse(fault, "settings",
                   "This HSM cannot remember authorities (it has no data objects): it serves "
                   "local products only.");
    return e;
}

/* One that was counted before gets its answer again. */
static enum error check_standby(const struct course *course, struct fault *fault)
{
    const struct grant *grant = course->grant;
    const struct governed_standby standby = {grant->standby, grant->transport_key};
    struct ledger_product product;
    if (grant->kind != GRANT_STANDBY || !grant->is_allowed)
        return ERR_OK;
    enum error e = ledger_product_get(course->vault->ledger, grant->product, &product, fault);
    if (e != ERR_OK || grant->sequence <= product.sequence)
        return e;
    return governance_has_place_for(course->vault->governance, &product, &standby, fault);
}

/* Keys before rows, so that a creation that was cut off can be repeated; what the ledger would
 * refuse for its dates must not touch the HSM. */
static enum error prepare_hsm(const struct course *course, struct fault *fault)
{
    const struct grant *grant = course->grant;
    int64_t now = clock_unix_ms();
    if (!course->creates)
        return ERR_OK;
    if (now < grant->not_before_unix_ms)
        return refuse(fault, "not-yet-valid", "The document does not count before its date.");
    if (grant->not_after_unix_ms != 0 && now > grant->not_after_unix_ms)
        return refuse(fault, "expired", "The document could be accepted until its date only.");
    const struct sha256 digest = authority_set_digest(grant->settings.authorities);
    enum error e = hsm_authority_write(course->vault->hsm, grant->product, &digest, fault);
    if (e == ERR_OK)
        e = product_firmware_key_make(course->vault->hsm, grant->product, FIRST_GENERATION, fault);
    return e;
}

/* ---- counting it ---- */

static struct ledger_settings settings_of(const struct grant *grant)
{
    const struct grant_settings *from = &grant->settings;
    struct ledger_settings settings = {.profile = from->profile,
                                       .policy = (enum ledger_policy)from->policy,
                                       .anchors = bytes_of(from->anchors, strlen(from->anchors)),
                                       .allows_key_exposure = from->allows_key_exposure,
                                       .options = from->options,
                                       .attempts_max = from->attempts_max,
                                       .authorities = authority_set_digest(from->authorities)};
    const struct hsm_key_id id = product_firmware_key_id(grant->product, FIRST_GENERATION);
    memcpy(settings.firmware_key, id.bytes, sizeof settings.firmware_key);
    return settings;
}

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, SHA256_SIZE);
}

static struct ledger_grant grant_of(const struct course *course)
{
    const struct grant *from = course->grant;
    struct ledger_grant grant = {
        .kind = (enum ledger_grant_kind)from->kind,
        .id = from->id,
        .product = from->product,
        .issued_unix_ms = from->issued_unix_ms,
        .not_before_unix_ms = from->not_before_unix_ms,
        .not_after_unix_ms = from->not_after_unix_ms,
        .units = from->units,
        .lot = from->lot,
        .sequence = from->sequence,
        .rebinding = {.old_key = from->old_key, .new_key = from->new_key},
        .heads = {.anchor = {from->anchor.size, from->anchor.root},
                  .found = {from->head.size, from->head.root}},
        .standby = {from->standby, from->transport_key, from->is_allowed},
        .document = course->bytes,
        .signer_count = course->signers.count,
    };
    strcpy(grant.rebinding.serial, from->serial);
    memcpy(grant.signers, course->signers.keys, course->signers.count * sizeof grant.signers[0]);
    qsort(grant.signers, grant.signer_count, sizeof grant.signers[0], compare_keys);
    return grant;
}

static void put_answer(const struct course *course, const struct ledger_granted *granted,
                       struct grants_answer *answer)
{
    Provisiond__GrantApplyReply *reply = &answer->reply;
    provisiond__grant_apply_reply__init(reply);
    answer->id = course->grant->id;
    strcpy(answer->product, course->grant->product);
    reply->kind = (char *)(uintptr_t)grant_kind_name(course->grant->kind);
    reply->grant_id = (ProtobufCBinaryData){.len = UUID_SIZE, .data = answer->id.bytes};
    reply->product = answer->product;
    reply->units = course->grant->units;
    reply->taken = granted->taken;
    reply->granted = granted->granted;
    reply->remaining = granted->remaining;
    reply->sequence = granted->sequence;
    reply->journal_index = granted->journal_index;
    for (size_t i = 0; i < course->signers.count; i++) {
        answer->keys[i] = course->signers.keys[i];
        answer->signers[i] =
            (ProtobufCBinaryData){.len = SHA256_SIZE, .data = answer->keys[i].bytes};
    }
    reply->n_signers = course->signers.count;
    reply->signers = answer->signers;
}

static enum error count(const struct course *course, struct ledger_granted *ret_granted,
                        struct fault *fault)
{
    struct vault *vault = course->vault;
    struct ledger_settings settings;
    struct ledger_grant grant = grant_of(course);
    if (grant.kind == LEDGER_GRANT_POLICY) {
        settings = settings_of(course->grant);
        grant.settings = &settings;
    }
    enum error e =
        ledger_grant_apply(vault->ledger, &grant, course->bringer->by, ret_granted, fault);
    if (e != ERR_OK)
        return e;
    notary_note(vault->notary, ret_granted->journal_index + 1);
    if (grant.kind == LEDGER_GRANT_POLICY || grant.kind == LEDGER_GRANT_OVERRIDE)
        e = governance_recheck(vault->governance, course->grant->product, fault);
    return e;
}

/*
 * One document at a time from its signatures to its count: one that was checked under an authority
 * set must not be counted after the policy that ends that set.
 */
static enum error take_turn(struct course *course, struct ledger_granted *ret_granted,
                            struct fault *fault)
{
    enum error e = check_signatures(course, fault);
    if (e == ERR_OK)
        e = check_policy(course, fault);
    if (e == ERR_OK)
        e = check_standby(course, fault);
    if (e == ERR_OK)
        e = prepare_hsm(course, fault);
    if (e == ERR_OK)
        e = count(course, ret_granted, fault);
    return e;
}

enum error grants_begin_turn(struct vault *vault, struct fault *fault)
{
    struct timespec until = deadline_timespec(deadline_in(TURN_TIMEOUT_MS));
    int status = 0;
    (void)pthread_mutex_lock(&vault->documents);
    while (vault->has_document && status == 0)
        status = pthread_cond_clockwait(&vault->document_is_done, &vault->documents,
                                        CLOCK_MONOTONIC, &until);
    bool is_mine = !vault->has_document;
    vault->has_document = true;
    (void)pthread_mutex_unlock(&vault->documents);
    if (is_mine)
        return ERR_OK;
    return fault_set(fault, ERR_BUSY, "documents",
                     "Another signed document is being checked and takes long.", 0);
}

void grants_end_turn(struct vault *vault)
{
    (void)pthread_mutex_lock(&vault->documents);
    vault->has_document = false;
    (void)pthread_cond_signal(&vault->document_is_done);
    (void)pthread_mutex_unlock(&vault->documents);
}

static enum error go(struct course *course, struct ledger_granted *ret_granted, struct fault *fault)
{
    struct vault *vault = course->vault;
    enum error e = check_scope(course, fault);
    if (e == ERR_OK)
        e = check_address(course, fault);
    if (e == ERR_OK)
        e = check_journal(course, fault);
    if (e == ERR_OK)
        e = check_room(course, fault);
    if (e == ERR_OK)
        e = grants_begin_turn(vault, fault);
    if (e != ERR_OK)
        return e;
    e = take_turn(course, ret_granted, fault);
    grants_end_turn(vault);
    return e;
}

enum error grants_apply(struct vault *vault, struct bytes document,
                        const struct grants_bringer *bringer, struct grants_answer *ret_answer,
                        struct fault *fault)
{
    struct ledger_granted granted = {0};
    struct course course = {.vault = vault, .bytes = document, .bringer = bringer};
    enum error e = signed_document_open(document, &course.document, fault);
    if (e != ERR_OK)
        return e;
    course.grant = signed_document_grant(course.document);
    e = go(&course, &granted, fault);
    if (e == ERR_OK)
        put_answer(&course, &granted, ret_answer);
    signed_document_free(course.document);
    return e;
}
