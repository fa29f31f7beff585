/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An image that was encrypted elsewhere comes in on the admin socket of a vault rig. There are two
 * ways: with a session key of another HSM, and in a package that was made at home. A test says
 * which way is its own; what holds for both is claimed here. Threads: one.
 */
#ifndef TESTS_UNIT_VAULT_INCOMING_H
#define TESTS_UNIT_VAULT_INCOMING_H

#include "vault_rig.h"

#define INCOMING_CONTENT "an encrypted image, as far as anybody can see"

struct incoming_way {
    Provisiond__AdminRequest__OpCase op;
    void *request;             /* of that operation: sent as it stands */
    void (*fill)(void);        /* makes it one that fits */
    const char *out_of_limits; /* the reason when a member is */
    /* The members of *request that both ways have. */
    ProtobufCBinaryData *transport_key;
    ProtobufCBinaryData *authorities;
    ProtobufCBinaryData *image;
    ProtobufCBinaryData *iv;
    ProtobufCBinaryData *tag;
    ProtobufCBinaryData *point;
    ProtobufCBinaryData *key;
    char **product;
    char **profile;
    char **content;
    char **label;
    int64_t *size;
};

/* Those of a request with static storage, in an initializer. */
#define INCOMING_MEMBERS(asked)                                                               \
    .transport_key = &(asked).transport_key, .authorities = &(asked).authorities,             \
    .image = &(asked).image, .iv = &(asked).iv, .tag = &(asked).tag, .point = &(asked).point, \
    .key = &(asked).key, .product = &(asked).product, .profile = &(asked).profile,            \
    .content = &(asked).content, .label = &(asked).label, .size = &(asked).size

struct incoming {
    const struct incoming_way *way;
    struct vault_rig rig;
    struct hsm_spki transport; /* of the rig's HSM */
};

extern struct incoming incoming;

void incoming_set_up(const struct incoming_way *way);
/* Fails the test when a worker was lost, whatever was asked for. */
void incoming_tear_down(void);

/* Asks the admin socket; the caller frees the answer with vault_admin_reply_free. */
enum error incoming_ask(Provisiond__AdminRequest__OpCase op, void *body, int file,
                        Provisiond__AdminReply **ret_reply, struct fault *fault);
/* Sends the way's request, with a file (content NULL: none) of which the image is what comes from
 * its offset on. */
enum error incoming_send(const char *content, off_t offset, bool *ret_is_new, struct fault *fault);
/* How many the ledger has. */
int64_t incoming_images(void);

/* ---- claims ---- */

/* The way's request is refused like that, and brings no image in. */
void incoming_claim_refused(const char *content, enum error code, const char *reason);
/* The session key opens for nothing but what it was wrapped for: not after one of these changes of
 * a request that fits (they end with NULL), nor after one of a member that both ways have. */
void incoming_claim_bound(void (*const changes[])(void));
/* Likewise: a member that is out of its limits is refused as such. */
void incoming_claim_limits(void (*const changes[])(void));
/* A key for another HSM or of another size, and a content that is not the image's: each is refused
 * with its own word. */
void incoming_claim_words(void);

#endif
