/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What the commands about products have in common. Threads: main thread. */
#ifndef CLI_PRODUCT_H
#define CLI_PRODUCT_H

#include <jansson.h>

#include "cli/admin.h"

/* The products, or the one of that name ("": all); no account of the answer is below zero. */
enum error product_ask(const struct arguments *arguments, const char *name,
                       Provisiond__AdminReply **ret_reply, struct failure *failure) MUST_USE;

/* Everything but the profile's settings; NULL when memory is out. */
json_t *product_to_json(const Provisiond__ProductEntry *product);

#endif
