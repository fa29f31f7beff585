/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the parts of the replay share: a handler for each type of leaf, and what several of them
 * need. Private to audit/replay*.c. Threads: one.
 */
#ifndef AUDIT_REPLAY_PART_H
#define AUDIT_REPLAY_PART_H

#include "audit/replay.h"

/* For "%.*s". */
#define RAW(text) (int)(text).length, (const char *)(text).data

/* A finding about a leaf. */
#define FIND(replay, leaf, word, ...) \
    findings_add(&(replay)->findings, RANK_LEAF, (word), (leaf)->index, __VA_ARGS__)

#define DEVICE_TEXT_SIZE 128
#define LEAF_NAME_SHOWN  64 /* bytes of a raw text in a sentence */

typedef enum error (*replay_handler)(struct replay *replay, const struct leaf *leaf,
                                     struct fault *fault);

enum error replay_start(struct replay *replay, const struct leaf *leaf, struct fault *fault);
enum error replay_initialised(struct replay *replay, const struct leaf *leaf, struct fault *fault);
enum error replay_challenge(struct replay *replay, const struct leaf *leaf, struct fault *fault);
enum error replay_key_rotated(struct replay *replay, const struct leaf *leaf, struct fault *fault);
enum error replay_retired(struct replay *replay, const struct leaf *leaf, struct fault *fault);
enum error replay_override(struct replay *replay, const struct leaf *leaf, struct fault *fault);

enum error replay_image_added(struct replay *replay, const struct leaf *leaf, struct fault *fault);
enum error replay_image_switched(struct replay *replay, const struct leaf *leaf,
                                 struct fault *fault);

enum error replay_firmware_key_rotated(struct replay *replay, const struct leaf *leaf,
                                       struct fault *fault);
enum error replay_firmware_key_destroyed(struct replay *replay, const struct leaf *leaf,
                                         struct fault *fault);

enum error replay_principal_added(struct replay *replay, const struct leaf *leaf,
                                  struct fault *fault);
enum error replay_principal_switched(struct replay *replay, const struct leaf *leaf,
                                     struct fault *fault);
enum error replay_principal_narrowed(struct replay *replay, const struct leaf *leaf,
                                     struct fault *fault);
enum error replay_principal_key_added(struct replay *replay, const struct leaf *leaf,
                                      struct fault *fault);
enum error replay_principal_key_removed(struct replay *replay, const struct leaf *leaf,
                                        struct fault *fault);

enum error replay_product_created(struct replay *replay, const struct leaf *leaf,
                                  struct fault *fault);
enum error replay_quota_added(struct replay *replay, const struct leaf *leaf, struct fault *fault);
enum error replay_scrap_added(struct replay *replay, const struct leaf *leaf, struct fault *fault);
enum error replay_crls_set(struct replay *replay, const struct leaf *leaf, struct fault *fault);
enum error replay_listed(struct replay *replay, const struct leaf *leaf, struct fault *fault);
enum error replay_rebound(struct replay *replay, const struct leaf *leaf, struct fault *fault);
enum error replay_account(struct replay *replay, const struct leaf *leaf, struct fault *fault);
enum error replay_refused(struct replay *replay, const struct leaf *leaf, struct fault *fault);
enum error replay_grant(struct replay *replay, const struct leaf *leaf, struct fault *fault);

enum error replay_standby_added(struct replay *replay, const struct leaf *leaf,
                                struct fault *fault);
enum error replay_standby_removed(struct replay *replay, const struct leaf *leaf,
                                  struct fault *fault);
enum error replay_keys_exported(struct replay *replay, const struct leaf *leaf,
                                struct fault *fault);
enum error replay_keys_imported(struct replay *replay, const struct leaf *leaf,
                                struct fault *fault);

enum error replay_issued(struct replay *replay, const struct leaf *leaf, struct fault *fault);
enum error replay_reissued(struct replay *replay, const struct leaf *leaf, struct fault *fault);
enum error replay_outcome(struct replay *replay, const struct leaf *leaf, struct fault *fault);

/* ---- shared ---- */

/* The leaf's product; NULL after a finding. ret_number may be NULL. */
struct book_product *replay_find_product(struct replay *replay, const struct leaf *leaf,
                                         uint32_t *ret_number);
/* granted = accepted - revoked + scrap drawn */
int64_t replay_granted(const struct book_product *product);
/* What is left of it. */
int64_t replay_remaining(const struct book_product *product);
/* Adds the leaf's units to a sum that has a limit. */
void replay_add_units(struct replay *replay, const struct leaf *leaf, int64_t *sum);
/* One unit, and a finding when none is left. */
void replay_charge(struct replay *replay, const struct leaf *leaf, struct book_product *product);
/* The leaf says what is granted (FIELD_QUOTA) after it: a finding when it is not so. */
void replay_check_quota(struct replay *replay, const struct leaf *leaf,
                        const struct book_product *product);
/* A serial belongs to another key from now on. */
enum error replay_rebind(struct replay *replay, const struct leaf *leaf, uint32_t product,
                         struct fault *fault);
/* A signed document of this product lets session keys be wrapped for another HSM, or takes that
 * back. */
enum error replay_allow_standby(struct replay *replay, const struct leaf *leaf, uint32_t product,
                                struct fault *fault);
/* A finding unless the leaf's station is one, is enabled, and may do this: of the product, and for
 * a license on its line. Its number or POOL_NONE. */
uint32_t replay_find_station(struct replay *replay, const struct leaf *leaf, struct bytes product);
/* "the device SN-1 (key 5f0c...)" */
void replay_name_device(const struct leaf *leaf, char out[DEVICE_TEXT_SIZE]);
/* The result of a unit begins or ends to count in its product's account. */
void replay_move_result(struct book_product *product, const struct book_unit *unit, int64_t units);
/* The settings of a leaf (as in product-created) are those of a policy: NULL, or what is not. */
const char *replay_settings_differ(const struct leaf *leaf, const struct grant_settings *settings);

#endif
