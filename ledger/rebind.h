/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A device's serial that goes over to another key, by hand or by document. Writer thread. */
#ifndef LEDGER_REBIND_H
#define LEDGER_REBIND_H

#include "ledger/leaf.h"

/* ERR_CONFLICT as ledger_device_rebind. */
enum error rebind_device(struct change_context *context, int64_t product_id,
                         const struct ledger_rebinding *rebinding, struct fault *fault) MUST_USE;
/* The fields serial, old_key and new_key. */
void rebind_put(struct leaf *leaf, const struct ledger_rebinding *rebinding);

#endif
