/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Re-binding: the old key is out, the new one is a device that was never charged. Owns no state. */
#include "ledger/rebind.h"

#include <string.h>

#include "ledger/handle.h"
#include "ledger/valid.h"

enum error rebind_device(struct change_context *context, int64_t product_id,
                         const struct ledger_rebinding *rebinding, struct fault *fault)
{
    struct store_binding binding;
    enum error e =
        context->ops->binding_view(context->store, product_id, rebinding, &binding, fault);
    if (e != ERR_OK)
        return e;
    if (binding.old_device_id == 0)
        return fault_set(fault, ERR_CONFLICT, "device-unknown",
                         "No device of this product has this serial number and the old key.", 0);
    if (binding.is_new_key_known)
        return fault_set(fault, ERR_CONFLICT, "key-taken",
                         "The new key is known already: it is another device's, or was bound "
                         "before.",
                         0);
    return context->ops->device_rebind(context->store, product_id, binding.old_device_id, rebinding,
                                       fault);
}

void rebind_put(struct leaf *leaf, const struct ledger_rebinding *rebinding)
{
    leaf_put_text(leaf, "serial", rebinding->serial);
    leaf_put_hex(leaf, "old_key", bytes_of(rebinding->old_key.bytes, SHA256_SIZE));
    leaf_put_hex(leaf, "new_key", bytes_of(rebinding->new_key.bytes, SHA256_SIZE));
}

struct rebind_change {
    char product[LEDGER_NAME_MAX + 1];
    char by[LEDGER_BY_MAX + 1];
    struct ledger_rebinding rebinding;
};

static enum error apply_rebind(struct change_context *context, void *body, struct fault *fault)
{
    const struct rebind_change *change = body;
    struct ledger_product product;
    enum error e = context->ops->product_get_mine(context->store, change->product, &product, fault);
    if (e == ERR_OK)
        e = valid_local(&product, fault);
    if (e == ERR_OK)
        e = rebind_device(context, product.id, &change->rebinding, fault);
    if (e != ERR_OK)
        return e;
    struct leaf leaf = leaf_new(context, "device-rebound");
    leaf_put_text(&leaf, "product", change->product);
    rebind_put(&leaf, &change->rebinding);
    leaf_put_text(&leaf, "by", change->by);
    return leaf_append(&leaf, NULL, fault);
}

enum error ledger_device_rebind(struct ledger *ledger, const char *product,
                                const struct ledger_rebinding *rebinding, const char *by,
                                struct fault *fault)
{
    enum error e = valid_name(product, fault);
    if (e == ERR_OK)
        e = valid_by(by, fault);
    if (e == ERR_OK)
        e = valid_rebinding(rebinding, fault);
    if (e != ERR_OK)
        return e;
    CHANGE_AUTO *change = ledger_change(apply_rebind, sizeof(struct rebind_change), fault);
    if (change == NULL)
        return ERR_INTERNAL;
    struct rebind_change *body = (void *)change->body;
    strcpy(body->product, product);
    strcpy(body->by, by);
    body->rebinding = *rebinding;
    return commit_run(ledger->committer, change, fault);
}
