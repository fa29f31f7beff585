/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Leaves about images and refusals. */
#include "audit/replay_part.h"

/* ---- images ---- */

enum error replay_image_added(struct replay *replay, const struct leaf *leaf, struct fault *fault)
{
    struct book_image image = {.is_enabled = leaf_flag(leaf, FIELD_ENABLED),
                               .digest = leaf_digest(leaf, FIELD_IMAGE)};
    struct book_product *product = replay_find_product(replay, leaf, &image.product);
    if (product == NULL)
        return ERR_OK;
    if (book_find_image(&replay->book, image.product, &image.digest) != POOL_NONE) {
        FIND(replay, leaf, "image-twice", "The image that it adds to product %.*s was there.",
             RAW(leaf_text(leaf, FIELD_PRODUCT)));
        return ERR_OK;
    }
    product->images++;
    return book_add_image(&replay->book, &image, fault);
}

enum error replay_image_switched(struct replay *replay, const struct leaf *leaf,
                                 struct fault *fault)
{
    uint32_t product = 0;
    const struct sha256 digest = leaf_digest(leaf, FIELD_IMAGE);
    (void)fault;
    if (replay_find_product(replay, leaf, &product) == NULL)
        return ERR_OK;
    uint32_t image = book_find_image(&replay->book, product, &digest);
    if (image == POOL_NONE)
        FIND(replay, leaf, "image-unknown", "The image that it switches was never added.");
    else
        book_image(&replay->book, image)->is_enabled = leaf->type == LEAF_IMAGE_ENABLED;
    return ERR_OK;
}

/* ---- refusals ---- */

/* Whoever asks for a product that there is not is refused as well. */
enum error replay_refused(struct replay *replay, const struct leaf *leaf, struct fault *fault)
{
    uint32_t product = book_find_product(&replay->book, leaf_text(leaf, FIELD_PRODUCT));
    (void)fault;
    if (product != POOL_NONE)
        book_product(&replay->book, product)->sum.refused++;
    return ERR_OK;
}
