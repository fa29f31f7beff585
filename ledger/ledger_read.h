/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What is read, page by page and as sums. Part of ledger/ledger.h, which says what holds for all
 * of them.
 */
#ifndef LEDGER_LEDGER_READ_H
#define LEDGER_LEDGER_READ_H

#include "ledger/ledger_types.h"

/*
 * Moves whenever products, images or principals may have changed, but for their accounts, and
 * before whoever changed them is told: what was read after this number still holds while the number
 * is the same.
 */
uint64_t ledger_catalogue_version(struct ledger *ledger) MUST_USE;
/* The enabled principal with this key. ERR_FORBIDDEN: "principal-unknown", "principal-disabled". */
enum error ledger_principal_get(struct ledger *ledger, const struct sha256 *spki,
                                struct ledger_principal *ret_principal,
                                struct fault *fault) MUST_USE;
/* The product, also a disabled one. ERR_PRODUCT_UNKNOWN. */
enum error ledger_product_get(struct ledger *ledger, const char *name,
                              struct ledger_product *ret_product, struct fault *fault) MUST_USE;
/* The trust anchors as PEM; the caller frees *ret_pem. */
enum error ledger_product_anchors(struct ledger *ledger, int64_t product_id, char **ret_pem,
                                  size_t *ret_length, struct fault *fault) MUST_USE;
/* Its revocation lists as PEM; *ret_pem is NULL when it has none. */
enum error ledger_product_crls(struct ledger *ledger, int64_t product_id, char **ret_pem,
                               size_t *ret_length, struct fault *fault) MUST_USE;
/* The image of that digest, or the newest enabled one when digest is NULL. ERR_IMAGE_UNKNOWN, with
 * "image-disabled" when it exists and is disabled, "no-image" when digest is NULL and there is
 * none. */
enum error ledger_image_get(struct ledger *ledger, int64_t product_id, const struct sha256 *digest,
                            struct ledger_image *ret_image, struct fault *fault) MUST_USE;
/* The image of that name, also a disabled one. ERR_IMAGE_UNKNOWN, with "alias-unknown". */
enum error ledger_alias_get(struct ledger *ledger, const char *alias,
                            struct ledger_alias *ret_alias, struct fault *fault) MUST_USE;
/* Whether any enabled product has an enabled image of that digest. ERR_IMAGE_UNKNOWN. */
enum error ledger_image_exists(struct ledger *ledger, const struct sha256 *digest,
                               struct fault *fault) MUST_USE;

/* Calls each for every row, oldest first; stops when each returns false. each holds a
 * reader meanwhile: it must not wait and not call the ledger. */
enum error ledger_products_each(struct ledger *ledger,
                                bool (*each)(void *context, const struct ledger_product *product),
                                void *context, struct fault *fault) MUST_USE;
enum error ledger_images_each(struct ledger *ledger, int64_t product_id,
                              bool (*each)(void *context, const struct ledger_image *image),
                              void *context, struct fault *fault) MUST_USE;
enum error ledger_principals_each(struct ledger *ledger,
                                  bool (*each)(void *context,
                                               const struct ledger_principal *principal),
                                  void *context, struct fault *fault) MUST_USE;

/* An install and its license, as they stand. */
struct ledger_install {
    int64_t row; /* grows with each install: a cursor */
    struct uuid id;
    char product[LEDGER_NAME_MAX + 1];
    char profile[LEDGER_PROFILE_MAX];
    struct sha256 image;
    struct sha256 device;
    char serial[LEDGER_SERIAL_MAX + 1];
    char station[LEDGER_NAME_MAX + 1];
    bool is_charged; /* its license took the unit */
    struct sha256 license_digest;
    int64_t journal_index; /* of the license-issued leaf */
    int64_t licensed_unix_ms;
    int64_t attempts;
    int64_t attempted_unix_ms;
    struct ledger_context context;
    int result; /* enum ledger_result; 0: unreported */
    char code[LEDGER_OUTCOME_CODE_MAX + 1];
    char detail[LEDGER_OUTCOME_DETAIL_MAX + 1];
    char reporter[LEDGER_NAME_MAX + 1]; /* "" when unreported, as the two below are 0 */
    int64_t reported_unix_ms;
    bool is_proven;
};

/* Each member narrows: NULL, "" and 0 mean any. */
struct ledger_install_filter {
    const char *products; /* a scope's list */
    const char *product;
    const char *lot;
    const char *station;
    const struct sha256 *device;
    bool has_result;
    int result; /* enum ledger_result; 0: unreported */
    int64_t since_unix_ms;
    int64_t until_unix_ms;
    int64_t before; /* a row */
    unsigned limit; /* 1 to LEDGER_PAGE_MAX */
};

/*
 * At most limit installs, the newest first; reads at most LEDGER_SCAN_MAX rows: *ret_next is the
 * `before` to go on with (also after an empty page), 0 at the end. ERR_PRODUCT_UNKNOWN.
 */
enum error ledger_installs_each(struct ledger *ledger, const struct ledger_install_filter *filter,
                                bool (*each)(void *context, const struct ledger_install *install),
                                void *context, int64_t *ret_next, struct fault *fault) MUST_USE;
/* ERR_INSTALL_UNKNOWN. */
enum error ledger_install_get(struct ledger *ledger, const struct uuid *id,
                              struct ledger_install *ret_install, struct fault *fault) MUST_USE;

enum ledger_usage_key { LEDGER_BY_LOT = 1, LEDGER_BY_DAY = 2, LEDGER_BY_STATION = 3 };

struct ledger_usage_row {
    char key[LEDGER_CONTEXT_MAX + 1]; /* lot ("": none), UTC day "2026-11-27", station */
    int64_t charged;
    int64_t licensed; /* installs: succeeded + failed + scrapped + unreported */
    int64_t attempts;
    int64_t succeeded;
    int64_t failed;
    int64_t scrapped;
    int64_t unreported;
    int64_t proven;
};

struct ledger_usage_filter {
    const char *product;
    enum ledger_usage_key key;
    int64_t since_unix_ms; /* licensed at or after */
    int64_t until_unix_ms; /* licensed before; 0: until now */
    const char *after;     /* NULL: from the first; else keys above this one */
    unsigned limit;        /* 1 to LEDGER_PAGE_MAX */
};

/*
 * Installs of a product summed by a key, in the order of the key. ERR_PRODUCT_UNKNOWN;
 * ERR_BAD_REQUEST ("range-too-large") when more than LEDGER_SUM_MAX installs were to be summed.
 */
enum error ledger_usage_each(struct ledger *ledger, const struct ledger_usage_filter *filter,
                             bool (*each)(void *context, const struct ledger_usage_row *row),
                             void *context, bool *ret_more, struct fault *fault) MUST_USE;

/* Units that a product was charged since then, of the first LEDGER_SUM_MAX + 1 installs since: with
 * more of them it is at least so many. */
enum error ledger_charged_since(struct ledger *ledger, int64_t product_id, int64_t since_unix_ms,
                                int64_t *ret_units, struct fault *fault) MUST_USE;

/* Group commits since the ledger was opened. */
struct ledger_commits {
    struct histogram_counts durations; /* core/histogram.h */
    uint64_t changes;
};
void ledger_commits_get(struct ledger *ledger, struct ledger_commits *ret_commits);
/*
 * Whether the writer gets on: ERR_LEDGER_UNAVAILABLE ("commit-hangs") when one group has been under
 * way for longer than LEDGER_COMMIT_TIMEOUT_MS, so that whoever waited for it was told ERR_TIMEOUT.
 * Never waits. A queue that is long moves as long as groups end, and is not looked at.
 */
enum error ledger_writer_check(struct ledger *ledger, struct fault *fault) MUST_USE;
/*
 * What the newest change ran into that broke it and all that came with it (a disk that fails or is
 * full, a file that another program wrote), as it was answered. ERR_OK after LEDGER_BROKEN_MS, for
 * nobody may have tried since; but "ledger-changed" stays until the ledger is opened anew. No
 * reason to restart by itself: that would check the ledger anew and hide that it was written.
 */
#define LEDGER_BROKEN_MS 2000
enum error ledger_broken_check(struct ledger *ledger, struct fault *fault) MUST_USE;

#endif
