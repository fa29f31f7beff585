/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The reading half of ledger.h: committed state, straight from the store. Owns no state. */
#include "ledger/ledger.h"

#include "ledger/handle.h"

enum error ledger_info(struct ledger *ledger, struct ledger_info *ret_info, struct fault *fault)
{
    return ledger->ops->info(ledger->store, ret_info, fault);
}

enum error ledger_principal_get(struct ledger *ledger, const struct sha256 *spki,
                                struct ledger_principal *ret_principal, struct fault *fault)
{
    return ledger->ops->principal_get(ledger->store, spki, ret_principal, fault);
}

enum error ledger_product_get(struct ledger *ledger, const char *name,
                              struct ledger_product *ret_product, struct fault *fault)
{
    return ledger->ops->product_get(ledger->store, name, ret_product, fault);
}

enum error ledger_product_anchors(struct ledger *ledger, int64_t product_id, char **ret_pem,
                                  size_t *ret_length, struct fault *fault)
{
    return ledger->ops->product_anchors(ledger->store, product_id, ret_pem, ret_length, fault);
}

enum error ledger_image_get(struct ledger *ledger, int64_t product_id, const struct sha256 *digest,
                            struct ledger_image *ret_image, struct fault *fault)
{
    return ledger->ops->image_get(ledger->store, product_id, digest, ret_image, fault);
}

enum error ledger_alias_get(struct ledger *ledger, const char *alias,
                            struct ledger_alias *ret_alias, struct fault *fault)
{
    return ledger->ops->alias_get(ledger->store, alias, ret_alias, fault);
}

enum error ledger_image_exists(struct ledger *ledger, const struct sha256 *digest,
                               struct fault *fault)
{
    return ledger->ops->image_exists(ledger->store, digest, fault);
}

enum error ledger_products_each(struct ledger *ledger,
                                bool (*each)(void *context, const struct ledger_product *product),
                                void *context, struct fault *fault)
{
    return ledger->ops->products_each(ledger->store, each, context, fault);
}

enum error ledger_images_each(struct ledger *ledger, int64_t product_id,
                              bool (*each)(void *context, const struct ledger_image *image),
                              void *context, struct fault *fault)
{
    return ledger->ops->images_each(ledger->store, product_id, each, context, fault);
}

enum error ledger_principals_each(struct ledger *ledger,
                                  bool (*each)(void *context,
                                               const struct ledger_principal *principal),
                                  void *context, struct fault *fault)
{
    return ledger->ops->principals_each(ledger->store, each, context, fault);
}

enum error ledger_accounts_each(struct ledger *ledger,
                                bool (*each)(void *context, const struct ledger_product *product,
                                             const struct ledger_usage *usage),
                                void *context, int64_t *ret_journal_size, struct fault *fault)
{
    return ledger->ops->accounts_each(ledger->store, each, context, ret_journal_size, fault);
}

enum error ledger_usage(struct ledger *ledger, const char *product, struct ledger_usage *ret_usage,
                        struct fault *fault)
{
    return ledger->ops->usage(ledger->store, product, clock_unix_ms(), ret_usage, fault);
}
