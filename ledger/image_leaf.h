/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What becomes known of an image, with its leaf. For the files of this room alone; writer thread.
 */
#ifndef LEDGER_IMAGE_LEAF_H
#define LEDGER_IMAGE_LEAF_H

#include "ledger/change.h"

/* ERR_CONFLICT ("firmware-key-changed"): the image's session key is not wrapped by the product's
 * present firmware key. */
enum error image_leaf_check_key(struct change_context *context, const char *product,
                                const struct ledger_image *image, struct fault *fault) MUST_USE;
/* The row, after that check. */
enum error image_leaf_add(struct change_context *context, const char *product,
                          const struct ledger_image *image, struct fault *fault) MUST_USE;
/* The leaf of an image that was added. */
enum error image_leaf_added(struct change_context *context, const char *product,
                            const struct ledger_image *image, const char *by,
                            struct fault *fault) MUST_USE;
/* Gives the image its name, with a leaf when that changes something. ret_named may be NULL. */
enum error image_leaf_alias(struct change_context *context, const char *product,
                            const struct ledger_image *image, const char *by,
                            struct ledger_named *ret_named, struct fault *fault) MUST_USE;

#endif
