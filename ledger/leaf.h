/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Journal leaves: one event as canonical JSON (docs/JOURNAL.md).
 *
 * One encoding only: an object without white space, keys sorted, all text in ASCII with escapes, so
 * that equal events are equal bytes. Order of calls: leaf_new, fields, leaf_append, which also
 * frees. A field that cannot be set makes leaf_append fail, so that no call between needs a check.
 * Threads: a leaf belongs to one thread.
 */
#ifndef LEDGER_LEAF_H
#define LEDGER_LEAF_H

#include "ledger/change.h"

#define LEAF_MAX_BYTES LEDGER_LEAF_MAX
#define LEAF_HEX_MAX   64 /* bytes */

struct leaf {
    struct change_context *context;
    void *object; /* the JSON library's; NULL after a failure */
};

/* Begins a leaf of that type at the change's time; context is borrowed until leaf_append. */
struct leaf leaf_new(struct change_context *context, const char *type);
void leaf_put_text(struct leaf *leaf, const char *key, const char *text);
/* Leaves an empty text out. */
void leaf_put_optional(struct leaf *leaf, const char *key, const char *text);
void leaf_put_number(struct leaf *leaf, const char *key, int64_t number);
void leaf_put_flag(struct leaf *leaf, const char *key, bool is_true);
void leaf_put_hex(struct leaf *leaf, const char *key,
                  struct bytes bytes); /* LEAF_HEX_MAX at most */
/* The reference of an image. */
void leaf_put_image(struct leaf *leaf, const char *key, const struct sha256 *digest);
void leaf_put_uuid(struct leaf *leaf, const char *key, const struct uuid *id);
/* The key's digest, and the serial when there is one. */
void leaf_put_device(struct leaf *leaf, const struct ledger_device *device);
/* Standard base64; at most LEDGER_SPKI_MAX bytes. */
void leaf_put_base64(struct leaf *leaf, const char *key, struct bytes bytes);
/* What a product is set to; neither its units nor its firmware key. */
void leaf_put_product(struct leaf *leaf, const struct ledger_product_new *product);
/* What ledger_listed_state says, as "listed"; left out when no device is listed. */
void leaf_put_listed(struct leaf *leaf, const struct sha256 *state);
void leaf_put_context(struct leaf *leaf, const struct ledger_context *context);
/* Appends to the journal and frees, also on failure. ret_index may be NULL. ERR_HSM_RETIRED: the
 * journal has ended, so whatever the leaf was to tell does not happen. */
enum error leaf_append(struct leaf *leaf, int64_t *ret_index, struct fault *fault) MUST_USE;

/* Whether these bytes are a leaf of type "retired". */
bool leaf_is_retired(struct bytes entry);
/* Whether these bytes are a leaf of type "stop". */
bool leaf_is_stop(struct bytes entry);
/* Its time; false when these bytes are no leaf. */
bool leaf_time(struct bytes entry, int64_t *ret_unix_ms);

#endif
