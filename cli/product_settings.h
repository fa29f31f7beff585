/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The settings of a product's profile, a JSON object of the vault: those that are known are
 * explained, others are shown as they are. Threads: pure functions.
 */
#ifndef CLI_PRODUCT_SETTINGS_H
#define CLI_PRODUCT_SETTINGS_H

#include <jansson.h>

#include "cli/failure.h"
#include "cli/table.h"

/* options is the text of an object, or "" for none: then the object is empty. */
enum error product_settings_read(const char *options, json_t **ret_settings,
                                 struct failure *failure) MUST_USE;
/* Adds one row for each setting to a table of two columns. */
void product_settings_show(json_t *settings, struct table *table);

#endif
