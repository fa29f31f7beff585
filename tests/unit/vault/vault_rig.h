/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A vault in this process, over a real provision-hsm on a token of the test's own, and the two
 * sockets as provisiond and provctl see them. It has two local products, "widget" and "gadget",
 * each with one image, and a maker whose devices are genuine for both. Whatever cannot be set up
 * fails the test. Threads: set up and tear down from one; asking is safe from any.
 */
#ifndef TESTS_UNIT_VAULT_VAULT_RIG_H
#define TESTS_UNIT_VAULT_VAULT_RIG_H

#include "../hsm/hsm_rig.h"
#include "config/config.h"
#include "ledger/ledger.h"
#include "support/pki.h"
#include "vault.pb-c.h"
#include "vault/vault.h"
#include "vault/vault_client.h"

#define VAULT_RIG_WIDGETS 1000 /* units */
#define VAULT_RIG_GADGETS 3

struct vault_rig {
    struct hsm_rig hsm;
    struct config config; /* may be changed between _make and _start */
    struct vault *vault;
    struct vault_client *admin;
    struct pki *maker;
    struct pki *stranger;    /* another maker */
    struct sha256 images[2]; /* of "widget" and "gadget" */
    struct sha256 station;   /* the key of "first", a station that is narrowed to nothing */
};

void vault_rig_make(struct vault_rig *rig);
/* Starts the vault and, the first time, fills it. */
void vault_rig_start(struct vault_rig *rig);
void vault_rig_stop(struct vault_rig *rig);
void vault_rig_remove(struct vault_rig *rig);

/* A literal, and borrowed bytes, where a message wants no const. */
char *vault_rig_text(const char *literal);
ProtobufCBinaryData vault_rig_data(const void *bytes, size_t length);

/* ---- the admin socket ---- */

/* Fails the test unless the answer has this code; the caller frees it with vault_admin_reply_free
 * (NULL unless ERR_OK). */
Provisiond__AdminReply *vault_rig_administer(struct vault_rig *rig,
                                             const Provisiond__AdminRequest *request, int file,
                                             enum error expected);
/* Texts with a space between names; NULL: not narrowed. Returns the principal's key. */
struct sha256 vault_rig_enrol(struct vault_rig *rig, const char *name, Provisiond__Role role,
                              const char *products, const char *lines);
/* A new key of an enrolled principal, which has its others still; and an end of one. */
struct sha256 vault_rig_add_key(struct vault_rig *rig, const char *name);
void vault_rig_remove_key(struct vault_rig *rig, const char *name, const struct sha256 *spki);
void vault_rig_enable(struct vault_rig *rig, const char *name, bool is_enabled);
void vault_rig_add_quota(struct vault_rig *rig, const char *product, int64_t units);

/* ---- the station socket ---- */

/* Asks as the owner of this key (NULL: none) and returns the answer, which the caller frees with
 * vault_rig_free. *request's caller_spki is set. */
Provisiond__StationReply *vault_rig_ask(struct vault_rig *rig, const struct sha256 *caller,
                                        Provisiond__StationRequest *request);
void vault_rig_free(Provisiond__StationReply *reply);
/* Sends any bytes; an answer or the end of the connection is fine. */
void vault_rig_say(struct vault_rig *rig, struct bytes payload);
/* Fails the test unless the answer has this code and, with a fault, this reason. */
void vault_rig_expect(const Provisiond__StationReply *reply, enum error code, const char *reason);

/* A question of one kind; body is the request of that operation. */
Provisiond__StationReply *vault_rig_question(struct vault_rig *rig, const struct sha256 *caller,
                                             Provisiond__StationRequest__OpCase op, void *body);
/* A question for a license of a device's chain; product and pem are borrowed. */
void vault_rig_license(Provisiond__LicenseRequest *license, const char *product, const char *pem);
/* The number that a query on the ledger gives, read beside the running vault. */
int64_t vault_rig_query(const struct vault_rig *rig, const char *sql);
/* The product's account; fails the test when it cannot be read. */
Provisiond__UsageReply vault_rig_usage(struct vault_rig *rig, const char *product);

#endif
