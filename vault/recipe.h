/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The recipe of a license (docs/ARCHITECTURE.md): who asks, for what, is the device genuine, was it
 * licensed before, is there a unit; wrap; commit; release. Threads: safe from any thread.
 */
#ifndef VAULT_RECIPE_H
#define VAULT_RECIPE_H

#include "core/clock.h"
#include "ledger/ledger.h"
#include "vault/product_cache.h"
#include "vault/state.h"

struct recipe_request {
    const struct ledger_principal *caller;
    const char *alias; /* of an image, instead of product and image; NULL: none */
    const char *product;
    const struct sha256 *image; /* NULL: the newest enabled one */
    struct product_proof proof;
    bool wants_image; /* the device's own: ERR_NOT_ACCEPTABLE where the profile has none */
    struct ledger_context context;
    deadline_ms deadline; /* of whoever asked: nothing is issued later */
};

struct recipe_answer {
    struct ledger_issued issued;
    struct sha256 image; /* what "latest" resolved to */
    char profile[LEDGER_PROFILE_MAX];
};

/*
 * ERR_OK: the charge and its journal leaf are durable, and only now the license may leave. Every
 * other code: nothing was charged, or (ERR_TIMEOUT) asking again will tell.
 */
enum error recipe_license(struct vault *vault, const struct recipe_request *request,
                          struct recipe_answer *ret_answer, struct fault *fault) MUST_USE;

/* What came of one license of a batch. */
struct recipe_result {
    struct fault fault; /* ERR_OK: the answer stands */
    struct recipe_answer answer;
};

/*
 * As recipe_license for each of count requests (1 to LEDGER_BATCH_MAX) of one caller, in their
 * order and committed together: what the first ones took is gone for the later ones. ERR_OK: each
 * has its result. ERR_BUSY ("many-batches", "callers-batches"): nothing was done. A license that
 * cannot be issued before the deadline is ERR_BUSY alone ("batch-late", "late").
 */
enum error recipe_license_batch(struct vault *vault, const struct recipe_request *requests,
                                size_t count, struct recipe_result *ret_results,
                                struct fault *fault) MUST_USE;

/*
 * The enabled product of that name and its enabled image of that digest, or its newest one (digest
 * NULL). ERR_PRODUCT_UNKNOWN, ERR_IMAGE_UNKNOWN; the reason says when either is disabled.
 */
enum error recipe_find_image(struct ledger *ledger, const char *product,
                             const struct sha256 *digest, struct ledger_product *ret_product,
                             struct ledger_image *ret_image, struct fault *fault) MUST_USE;

#endif
